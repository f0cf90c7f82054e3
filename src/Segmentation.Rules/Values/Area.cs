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
    private readonly Func<Expression, Expression, Expression> isInside;

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
            var sine = Math.Sin(angle) / Math.Cos(double.DegreesToRadians(latitude));
            var half = double.RadiansToDegrees(Math.Asin(Math.Min(1, sine))) + 1e-9;
            west = longitude - half;
            east = longitude + half;
            crossesDateLine = west < -180 || east > 180;
            west = west < -180 ? west + 360 : west;
            east = east > 180 ? east - 360 : east;
        }

        Expression<Func<double, double, double, double, double, bool>> isNear = (y, x, lat, lon, km) => DistanceKm(y, x, lat, lon) <= km;
        isInside = CreateTest(
            isNear, Literal<double>.Create(latitude), Literal<double>.Create(longitude), Literal<double>.Create(radiusKm));
    }

    /// <param name="corners">Longitude and latitude of each, closed or not.</param>
    internal Area(IReadOnlyList<(double Longitude, double Latitude)> corners)
    {
        double[] longitudes = [.. corners.Select(c => c.Longitude)];
        double[] latitudes = [.. corners.Select(c => c.Latitude)];
        west = longitudes.Min();
        east = longitudes.Max();
        south = latitudes.Min();
        north = latitudes.Max();
        Expression<Func<double, double, double[], double[], bool>> isWithin = (y, x, lons, lats) => InPolygon(y, x, lons, lats);
        isInside = CreateTest(isWithin, Literal<double[]>.Create(longitudes), Literal<double[]>.Create(latitudes));
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
                && longitude < ((longitudes[j] - longitudes[i]) * (latitude - latitudes[i]) / (latitudes[j] - latitudes[i]))
                    + longitudes[i])
            {
                inside = !inside;
            }
        }

        return inside;
    }

    /// <summary>
    /// Whether a point is in the area, given its coordinates in degrees: first in the box around it, then in the area itself.
    /// </summary>
    internal Expression Contains(Expression latitude, Expression longitude)
    {
        var eastward = Expression.GreaterThanOrEqual(longitude, Literal<double>.Create(west));
        var westward = Expression.LessThanOrEqual(longitude, Literal<double>.Create(east));
        return Splice.And(
            Expression.GreaterThanOrEqual(latitude, Literal<double>.Create(south)),
            Expression.LessThanOrEqual(latitude, Literal<double>.Create(north)),
            crossesDateLine ? Splice.Or(eastward, westward) : Splice.And(eastward, westward),
            isInside(latitude, longitude));
    }

    private static Func<Expression, Expression, Expression> CreateTest(LambdaExpression test, params Expression[] literals) =>
        (latitude, longitude) => Splice.Body(test, [latitude, longitude, .. literals]);
}
