using System.Linq.Expressions;
using FsCheck.Fluent;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Tests.Values;

public class AreaTests
{
    // Great-circle distances (by the law of cosines) on a sphere of the mean radius.
    [Theory]
    [InlineData(52.52, 13.405, 48.8566, 2.3522, 877.5)]
    [InlineData(40.7128, -74.006, 51.5074, -0.1278, 5570.2)]
    [InlineData(-33.8688, 151.2093, 35.6762, 139.6503, 7825.8)]
    [InlineData(36.12, -86.67, 33.94, -118.4, 2886.4)]
    [InlineData(0, 0, 0, 180, 20015.1)]
    [InlineData(90, 0, -90, 77, 20015.1)]
    [InlineData(0, 0, 0, 1, 111.2)]
    [InlineData(0, 179.5, 0, -179.5, 111.2)]
    [InlineData(90, 10, 90, -120, 0)]
    [InlineData(12, 34, 12, 34, 0)]
    public void DistanceKm_KnownPlaces_IsGreatCircle(
        double latitude1, double longitude1, double latitude2, double longitude2, double expected)
    {
        Assert.Equal(expected, Area.DistanceKm(latitude1, longitude1, latitude2, longitude2), 0.6);
        Assert.Equal(expected, Area.DistanceKm(latitude2, longitude2, latitude1, longitude1), 0.6);
    }

    [Theory]
    [InlineData(0, 179, 300, 0, -179, true)]
    [InlineData(0, -179, 300, 0, 179, true)]
    [InlineData(0, 179, 100, 0, -179, false)]
    [InlineData(0, 180, 10, 0, -180, true)]
    [InlineData(89, 0, 300, 89, 180, true)]
    [InlineData(-89.5, 45, 200, -89.5, -135, true)]
    [InlineData(80, 0, 1000, 85, 180, false)]
    [InlineData(0, 0, 20040, 0, 180, true)]
    [InlineData(52, 13, 0.001, 52, 13, true)]
    [InlineData(0, 0, 12000, 0, -100, true)]
    public void Contains_CircleAtDateLineOrPole_ReachesAround(
        double latitude, double longitude, double radius, double y, double x, bool expected) =>
            Assert.Equal(expected, In(new Area(latitude, longitude, radius), y, x));

    [Fact]
    public void Contains_AnyCircle_IsExactlyTheDistance()
    {
        // Points all over, on the special lines, and just about the rim of the circle.
        var latitude = Gen.OneOf(
            Gen.Choose(-90_000_000, 90_000_000).Select(v => v / 1e6), Gen.Elements(-90, -89.999999, 0, 89.999999, 90.0));
        var longitude = Gen.OneOf(
            Gen.Choose(-180_000_000, 180_000_000).Select(v => v / 1e6), Gen.Elements(-180, -179.999999, 0, 179.999999, 180.0));
        var radius = Gen.OneOf(
            Gen.Choose(1, 20_040).Select(v => (double)v),
            Gen.Choose(1, 1_000_000).Select(v => v / 1e3),
            Gen.Elements(0.000001, 10_007.5, 10_007.6, 20_015.1, 20_040));
        var cases = from center in Gen.Zip(latitude, longitude)
                    from r in radius
                    from far in Gen.Zip(latitude, longitude)
                    from angle in Gen.Choose(0, 360_000).Select(a => a / 180_000d * Math.PI)
                    from share in Gen.Elements(0.5, 0.999, 0.9999999, 1, 1.0000001)
                    from rim in Gen.Elements(true, true, false)
                    select (Center: center, Radius: r, Point: rim ? Away(center.Item1, center.Item2, angle, r * share) : far);
        Laws.Check(cases, c =>
        {
            var ((latitude, longitude), (y, x)) = (c.Center, c.Point);
            return In(new Area(latitude, longitude, c.Radius), y, x) == Area.DistanceKm(latitude, longitude, y, x) <= c.Radius;
        }, 10_000);
    }

    [Theory]
    [InlineData("0,0 10,0 10,10 0,10", 5, 5, true)]
    [InlineData("0,0 10,0 10,10 0,10 0,0", 5, 5, true)]
    [InlineData("0,10 10,10 10,0 0,0", 5, 5, true)]
    [InlineData("0,0 10,0 10,10 0,10", 5, 11, false)]
    [InlineData("0,0 10,0 10,10 0,10", -1, 5, false)]
    [InlineData("0,0 10,0 10,10 5,5 0,10", 9, 5, false)]
    [InlineData("0,0 10,0 10,10 5,5 0,10", 4, 5, true)]
    [InlineData("0,0 1,1 2,2", 1, 1, false)]
    [InlineData("3,3 3,3 3,3", 3, 3, false)]
    [InlineData("0,0 10,10 10,0 0,10", 5, 2, true)]
    [InlineData("0,0 10,10 10,0 0,10", 2, 5, false)]
    public void Contains_Polygon_IsEvenOdd(string corners, double latitude, double longitude, bool expected)
    {
        var points = corners.Split(' ')
            .Select(c => c.Split(','))
            .Select(c => (double.Parse(c[0], null), double.Parse(c[1], null)))
            .ToList();
        Assert.Equal(expected, In(new Area(points), latitude, longitude));
        Assert.Equal(expected, Area.InPolygon(latitude, longitude, [.. points.Select(p => p.Item1)], [.. points.Select(p => p.Item2)]));
    }

    [Fact]
    public void Contains_AnyPolygon_IsExactlyTheEvenOddRule()
    {
        var degrees = Gen.Choose(-90, 90).Select(v => (double)v);
        Laws.Check(Gen.Zip(Gen.ListOf(Gen.Zip(degrees, degrees), 6), Gen.Zip(degrees, degrees)), c =>
        {
            var corners = c.Item1.ToList();
            return In(new Area(corners), c.Item2.Item2 + 0.3, c.Item2.Item1 + 0.3)
                == Area.InPolygon(
                    c.Item2.Item2 + 0.3, c.Item2.Item1 + 0.3, [.. corners.Select(p => p.Item1)], [.. corners.Select(p => p.Item2)]);
        }, 1000);
    }

    private static bool In(Area area, double latitude, double longitude) =>
        Expression.Lambda<Func<bool>>(area.Contains(Expression.Constant(latitude), Expression.Constant(longitude))).Compile(
            preferInterpretation: true)();

    // The point at a bearing and distance from another.
    private static (double, double) Away(double latitude, double longitude, double bearing, double km)
    {
        var (y, x, d) = (double.DegreesToRadians(latitude), double.DegreesToRadians(longitude), km / Area.EarthRadiusKm);
        var y2 = Math.Asin(Math.Clamp((Math.Sin(y) * Math.Cos(d)) + (Math.Cos(y) * Math.Sin(d) * Math.Cos(bearing)), -1, 1));
        var x2 = x + Math.Atan2(Math.Sin(bearing) * Math.Sin(d) * Math.Cos(y), Math.Cos(d) - (Math.Sin(y) * Math.Sin(y2)));
        return (Math.Clamp(double.RadiansToDegrees(y2), -90, 90), Math.IEEERemainder(double.RadiansToDegrees(x2), 360));
    }
}
