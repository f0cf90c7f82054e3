using System.Linq.Expressions;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Values;

/// <summary>A part of the Earth's surface: a circle or a polygon, with the box around it that an index can serve.</summary>
public sealed class Area
{
    /// <summary>Kilometres: the mean radius of the Earth.</summary>
    public const double EarthRadiusKm = 6371.0088;

    /// <summary>Kilometres: a circle of this radius holds the whole Earth.</summary>
    public const double MaxRadiusKm = 20_040;

    /// <summary>Corners of a polygon.</summary>
    public const int MinCorners = 3, MaxCorners = 1000;

    private readonly double south = -90, north = 90, west = -180, east = 180;
    private readonly bool crossesDateLine;
    private readonly Expression<Func<double, double, bool>> inside;

    /// <param name="latitude">Degrees, ±90.</param>
    /// <param name="longitude">Degrees, ±180.</param>
    /// <param name="radiusKm">Above 0, at most <see cref="MaxRadiusKm"/>.</param>
    internal Area(double latitude, double longitude, double radiusKm)
    {
        // A hair wider than the circle, so that rounding never cuts off its rim.
        var angle = (radiusKm / EarthRadiusKm) + 1e-9;
        var degrees = double.RadiansToDegrees(angle);
        south = Math.Max(-90, latitude - degrees);
        north = Math.Min(90, latitude + degrees);
        if (south > -90 && north < 90 && angle < Math.PI / 2)
        {
            var half = double.RadiansToDegrees(Math.Asin(Math.Min(1, Math.Sin(angle) / Math.Cos(double.DegreesToRadians(latitude))))) + 1e-9;
            (west, east) = (longitude - half, longitude + half);
            crossesDateLine = west < -180 || east > 180;
            (west, east) = (west < -180 ? west + 360 : west, east > 180 ? east - 360 : east);
        }

        var (lat, lon, radius) = (Literal<double>.Create(latitude), Literal<double>.Create(longitude), Literal<double>.Create(radiusKm));
        inside = Lambda((y, x) => Splice.Body((Expression<Func<double, double, double, double, double, bool>>)((a, b, c, d, r) => DistanceKm(a, b, c, d) <= r), y, x, lat, lon, radius));
    }

    /// <param name="corners">Longitude and latitude of each, closed or not.</param>
    internal Area(IReadOnlyList<(double Longitude, double Latitude)> corners)
    {
        (west, east) = (corners.Min(c => c.Longitude), corners.Max(c => c.Longitude));
        (south, north) = (corners.Min(c => c.Latitude), corners.Max(c => c.Latitude));
        var (xs, ys) = (Literal<double[]>.Create([.. corners.Select(c => c.Longitude)]), Literal<double[]>.Create([.. corners.Select(c => c.Latitude)]));
        inside = Lambda((y, x) => Splice.Body((Expression<Func<double, double, double[], double[], bool>>)((a, b, lons, lats) => InPolygon(a, b, lons, lats)), y, x, xs, ys));
    }

    /// <summary>Great-circle distance in kilometres by the haversine formula (Sinnott, "Virtues of the Haversine", 1984).</summary>
    public static double DistanceKm(double latitude1, double longitude1, double latitude2, double longitude2)
    {
        const double radian = Math.PI / 180;
        var y = Math.Sin((latitude2 - latitude1) * radian / 2);
        var x = Math.Sin((longitude2 - longitude1) * radian / 2);
        var h = (y * y) + (Math.Cos(latitude1 * radian) * Math.Cos(latitude2 * radian) * x * x);
        return 2 * EarthRadiusKm * Math.Asin(Math.Sqrt(Math.Min(1, h)));
    }

    /// <summary>Whether a point lies in a polygon, planar in degrees, by the even-odd rule (Shimrat, CACM algorithm 112, 1962).</summary>
    public static bool InPolygon(double latitude, double longitude, double[] longitudes, double[] latitudes)
    {
        var inside = false;
        for (int i = 0, j = longitudes.Length - 1; i < longitudes.Length; j = i++)
        {
            if ((latitudes[i] > latitude) != (latitudes[j] > latitude)
                && longitude < ((longitudes[j] - longitudes[i]) * (latitude - latitudes[i]) / (latitudes[j] - latitudes[i])) + longitudes[i])
            {
                inside = !inside;
            }
        }

        return inside;
    }

    internal Expression Contains(Expression latitude, Expression longitude)
    {
        Expression Bound(Func<Expression, Expression, Expression> compare, Expression x, double v) => compare(x, Literal<double>.Create(v));
        var box = crossesDateLine
            ? Splice.Or(Bound(Expression.GreaterThanOrEqual, longitude, west), Bound(Expression.LessThanOrEqual, longitude, east))
            : Splice.And(Bound(Expression.GreaterThanOrEqual, longitude, west), Bound(Expression.LessThanOrEqual, longitude, east));
        return Splice.And(
            Bound(Expression.GreaterThanOrEqual, latitude, south),
            Bound(Expression.LessThanOrEqual, latitude, north),
            box,
            Splice.Body(inside, latitude, longitude));
    }

    private static Expression<Func<double, double, bool>> Lambda(Func<Expression, Expression, Expression> body)
    {
        var (y, x) = (Expression.Parameter(typeof(double)), Expression.Parameter(typeof(double)));
        return Expression.Lambda<Func<double, double, bool>>(body(y, x), y, x);
    }
}
