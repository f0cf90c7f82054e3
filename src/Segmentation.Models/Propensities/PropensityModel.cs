namespace Segmentation.Models.Propensities;

/// <summary>The probability of a goal, from what is known of a customer: additive in the features, so that each says what it adds. It is
/// numbers alone: what is stored as JSON scores the same on every machine.</summary>
/// <param name="Intercept">The score's part that is everyone's.</param>
/// <param name="Shapes">What each feature adds; those that add nothing are left out.</param>
/// <param name="Calibrator">Makes the probability of the score.</param>
public sealed record PropensityModel(double Intercept, IReadOnlyList<ShapeFunction> Shapes, Calibrator Calibrator)
{
    /// <summary>Finds the features that the model reads among those that rows have.</summary>
    /// <exception cref="ArgumentException">One is not among them.</exception>
    public PropensityScorer Bind(IReadOnlyList<string> features)
    {
        var places = features.Select((name, i) => (name, i)).ToDictionary(f => f.name, f => f.i, StringComparer.Ordinal);
        return new PropensityScorer(this, [.. Shapes.Select(s => places.TryGetValue(s.Feature, out var place)
            ? place
            : throw new ArgumentException($"The rows lack the feature {s.Feature}.", nameof(features)))]);
    }
}

/// <summary>A model that reads rows with certain features.</summary>
public sealed class PropensityScorer
{
    private readonly PropensityModel model;
    private readonly ShapeFunction[] shapes;
    private readonly int[] places;

    internal PropensityScorer(PropensityModel model, int[] places) =>
        (this.model, this.places, shapes) = (model, places, [.. model.Shapes]);

    /// <summary>The probability of the goal, between 0 and 1.</summary>
    public double Tell(ReadOnlySpan<float> values) => model.Calibrator.Tell(Score(values));

    /// <summary>The sum of the terms: on the scale of log odds, before calibration.</summary>
    public double Score(ReadOnlySpan<float> values)
    {
        var score = model.Intercept;
        for (var i = 0; i < shapes.Length; i++)
        {
            score += shapes[i].Find(values[places[i]]);
        }

        return score;
    }

    /// <summary>The terms that move the score most: not an account of it, they are it.</summary>
    /// <param name="most">How many at most.</param>
    public IReadOnlyList<PropensityTerm> Explain(ReadOnlySpan<float> values, int most)
    {
        var terms = new PropensityTerm[shapes.Length];
        for (var i = 0; i < shapes.Length; i++)
        {
            var value = values[places[i]];
            var ratio = Math.Exp(shapes[i].Find(value) * model.Calibrator.Slope);
            terms[i] = new PropensityTerm(shapes[i].Feature, float.IsNaN(value) ? null : value, ratio);
        }

        return [.. terms.Where(t => t.OddsRatio != 1).OrderByDescending(t => Math.Abs(Math.Log(t.OddsRatio)))
            .ThenBy(t => t.Feature, StringComparer.Ordinal).Take(most)];
    }
}

/// <summary>What one feature adds to a customer's score.</summary>
/// <param name="Feature">Its name.</param>
/// <param name="Value">The customer's value; null where it is missing.</param>
/// <param name="OddsRatio">By how much it multiplies the odds, against the mean over the customers trained on.</param>
public sealed record PropensityTerm(string Feature, float? Value, double OddsRatio);
