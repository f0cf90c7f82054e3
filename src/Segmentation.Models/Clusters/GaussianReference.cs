using MathNet.Numerics.LinearAlgebra;

namespace Segmentation.Models.Clusters;

/// <summary>
/// Draws customers who have no groups: of each field as many have each value, and the columns of the points are correlated as those of the
/// real ones are (the ranks of numbers, the marks of values), but all follows from normal numbers: a Gaussian copula. The normal numbers'
/// correlations are found by trying: where a sample's columns are correlated too little, they are raised.
/// </summary>
/// <remarks>Marginals to anything: M. C. Cario, B. L. Nelson, "Modeling and generating random vectors with arbitrary marginal distributions
/// and correlation matrix" (1997). One value of several by the greatest of normal numbers is a multinomial probit.</remarks>
public sealed class GaussianReference
{
    private const int Tried = 20_000;
    private const int Steps = 16;
    private const double Pace = 0.5;
    private const double Close = 0.003;
    private const double Most = 0.995;
    private const double LeastEigenvalue = 1e-4;

    private readonly ClusterEncoding encoding;
    private readonly float[] factor;

    /// <param name="encoding">The real customers.</param>
    /// <param name="seed">Another seed, other samples to try with.</param>
    /// <param name="cancellation">Ends it.</param>
    public GaussianReference(ClusterEncoding encoding, int seed, CancellationToken cancellation = default)
    {
        this.encoding = encoding;
        var (width, wanted) = (encoding.Width, Correlate(encoding.Points));
        var isFree = FindFree();
        var normal = Whiten(NormalNumbers.Draw(Tried * width, NormalNumbers.Create(seed, 0)), width);
        var latent = Matrix<double>.Build.Dense(width, width, (i, j) => i == j ? 1 : isFree(i, j) ? wanted[i, j] : 0);
        var (best, least) = (latent, double.PositiveInfinity);
        for (var step = 0; step < Steps && least > Close; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            latent = MakeDefinite(latent);
            var mixed = Mix(normal, Factor(latent), width);
            var drawn = Draw(mixed);
            var found = Correlate(drawn);
            var (error, count) = (0.0, 0);
            var slopes = Slopes(mixed, drawn);
            var next = latent.Clone();
            for (var i = 0; i < width; i++)
            {
                for (var j = 0; j < i; j++)
                {
                    if (isFree(i, j))
                    {
                        var off = wanted[i, j] - found[i, j];
                        (error, count) = (error + (off * off), count + 1);
                        next[i, j] = next[j, i] = Math.Clamp(
                            latent[i, j] + (Pace * off / Math.Max(slopes[i] * slopes[j], 0.05)), -Most, Most);
                    }
                }
            }

            error = Math.Sqrt(error / Math.Max(count, 1));
            (best, least) = error < least ? (latent, error) : (best, least);
            latent = next;
            Correct(drawn);
        }

        factor = Factor(best);
        var last = Mix(normal, factor, width);
        for (var step = 0; step < Steps; step++)
        {
            Correct(Draw(last));
        }
    }

    /// <summary>Draws as many as there are real ones.</summary>
    public ClusterPoints Draw(int seed) =>
        Draw(Mix(NormalNumbers.Draw(encoding.Customers * encoding.Width, NormalNumbers.Create(seed, 1)), factor, encoding.Width));

    /// <summary>How columns are correlated, Pearson's; 0 where one does not vary.</summary>
    internal static double[,] Correlate(ClusterPoints points)
    {
        var (width, count) = (points.Width, points.Count);
        var means = Means(points);
        var (sums, row) = (new double[width * width], new float[width]);
        for (var n = 0; n < count; n++)
        {
            var point = points[n];
            for (var i = 0; i < width; i++)
            {
                row[i] = point[i] - (float)means[i];
            }

            for (var i = 0; i < width; i++)
            {
                var value = row[i];
                var line = sums.AsSpan(i * width, i + 1);
                for (var j = 0; j < line.Length; j++)
                {
                    line[j] += value * row[j];
                }
            }
        }

        var correlations = new double[width, width];
        for (var i = 0; i < width; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var scale = Math.Sqrt(sums[(i * width) + i] * sums[(j * width) + j]);
                correlations[i, j] = correlations[j, i] = scale > 0 ? sums[(i * width) + j] / scale : 0;
            }
        }

        return correlations;
    }

    private static double[] Means(ClusterPoints points)
    {
        var means = new double[points.Width];
        for (var n = 0; n < points.Count; n++)
        {
            var point = points[n];
            for (var i = 0; i < point.Length; i++)
            {
                means[i] += point[i];
            }
        }

        return [.. means.Select(m => m / points.Count)];
    }

    // Of one field's columns only elements of a set are correlated by themselves; the others exclude each other.
    private Func<int, int, bool> FindFree()
    {
        var field = new int[encoding.Width];
        foreach (var (number, columns) in encoding.Fields.Index())
        {
            Array.Fill(field, columns is SetColumns ? -1 : number, columns.First, columns.Width);
        }

        return (i, j) => field[i] != field[j] || field[i] < 0;
    }

    private ClusterPoints Draw(ClusterPoints normal)
    {
        var values = new float[normal.Values.Length];
        for (var n = 0; n < normal.Count; n++)
        {
            foreach (var columns in encoding.Fields)
            {
                columns.Draw(
                    normal[n].Slice(columns.First, columns.Width),
                    values.AsSpan((n * normal.Width) + columns.First, columns.Width));
            }
        }

        return new(values, normal.Width);
    }

    private void Correct(ClusterPoints drawn)
    {
        var means = Means(drawn);
        foreach (var columns in encoding.Fields)
        {
            columns.Correct(Array.ConvertAll(means[columns.First..(columns.First + columns.Width)], m => m / columns.Weight));
        }
    }

    // How much a column follows its normal number.
    private static double[] Slopes(ClusterPoints normal, ClusterPoints drawn)
    {
        var (means, width) = (Means(drawn), drawn.Width);
        var (both, square) = (new double[width], new double[width]);
        for (var n = 0; n < drawn.Count; n++)
        {
            for (var i = 0; i < width; i++)
            {
                var off = drawn[n][i] - means[i];
                both[i] += off * normal[n][i];
                square[i] += off * off;
            }
        }

        return [.. both.Select((b, i) => square[i] > 0 ? Math.Abs(b) / Math.Sqrt(square[i] * drawn.Count) : 0)];
    }

    // Made to have no correlations at all, so that what is found is not chance.
    private static ClusterPoints Whiten(float[] normal, int width)
    {
        var points = new ClusterPoints(normal, width);
        var found = Correlate(points);
        var inverse = Matrix<double>.Build.DenseOfArray(found).Cholesky().Factor.Inverse();
        return Mix(points, ToArray(inverse), width);
    }

    private static ClusterPoints Mix(float[] normal, float[] factor, int width) => Mix(new ClusterPoints(normal, width), factor, width);

    // Each row times a lower triangle.
    private static ClusterPoints Mix(ClusterPoints normal, float[] factor, int width)
    {
        var mixed = new float[normal.Values.Length];
        for (var n = 0; n < normal.Count; n++)
        {
            var from = normal[n];
            var to = mixed.AsSpan(n * width, width);
            for (var i = 0; i < width; i++)
            {
                var line = factor.AsSpan(i * width, i + 1);
                var sum = 0f;
                for (var j = 0; j < line.Length; j++)
                {
                    sum += line[j] * from[j];
                }

                to[i] = sum;
            }
        }

        return new(mixed, width);
    }

    private static float[] Factor(Matrix<double> correlations) => ToArray(correlations.Cholesky().Factor);

    private static float[] ToArray(Matrix<double> matrix) => Array.ConvertAll(matrix.ToRowMajorArray(), v => (float)v);

    // The nearest that normal numbers can have: without negative eigenvalues.
    private static Matrix<double> MakeDefinite(Matrix<double> correlations)
    {
        var parts = correlations.Evd(Symmetricity.Symmetric);
        var values = parts.EigenValues.Map(v => Math.Max(v.Real, LeastEigenvalue));
        var definite = parts.EigenVectors * Matrix<double>.Build.DiagonalOfDiagonalVector(values) * parts.EigenVectors.Transpose();
        var scale = definite.Diagonal().PointwiseSqrt();
        return definite.MapIndexed((i, j, v) => i == j ? 1 : v / (scale[i] * scale[j]));
    }
}
