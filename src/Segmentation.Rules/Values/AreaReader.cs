using System.Globalization;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Rules.Values;

/// <summary>Reads areas: a circle or a polygon.</summary>
internal sealed class AreaReader(Compilation compilation, string subject)
{
    /// <summary>The properties of a circle.</summary>
    public static readonly string[] CircleProperties = ["latitude", "longitude", "radiusKm"];

    /// <summary>The properties of a polygon.</summary>
    public static readonly string[] PolygonProperties = ["polygon"];

    private const double MaxLatitude = 90, MaxLongitude = 180;

    /// <summary>Reads an area; null where it is none, which adds an error for each part at fault.</summary>
    public RuleValue? Read(JsonElement value, string pointer)
    {
        var expected = ErrorText.DescribeExpected(FieldType.Point);
        if (value.ValueKind != JsonValueKind.Object)
        {
            compilation.AddError(pointer, ErrorText.DescribeMismatch(subject, expected, value));
            return null;
        }

        var polygon = NodeJson.Find(value, "polygon");
        var isPolygon = polygon.ValueKind != JsonValueKind.Undefined;
        var known = isPolygon ? PolygonProperties : CircleProperties;
        var errors = compilation.Errors.Count;
        foreach (var property in value.EnumerateObject().Where(p => !known.Contains(p.Name, StringComparer.Ordinal)))
        {
            var name = ErrorText.Quote(property.Name);
            compilation.AddError(RuleError.Below(pointer, property.Name), $"{name} does not belong to {expected}.");
        }

        return isPolygon ? ReadPolygon(polygon, $"{pointer}/polygon", errors) : ReadCircle(value, pointer, errors);
    }

    private RuleValue? ReadCircle(JsonElement value, string pointer, int errors)
    {
        var latitude = ReadNumber(value, "latitude", -MaxLatitude, MaxLatitude, pointer);
        var longitude = ReadNumber(value, "longitude", -MaxLongitude, MaxLongitude, pointer);
        var radius = ReadNumber(value, "radiusKm", 0, Area.MaxRadiusKm, pointer);
        if (compilation.Errors.Count > errors)
        {
            return null;
        }

        var description = string.Create(CultureInfo.InvariantCulture, $"{radius} km of {latitude}, {longitude}");
        return new RuleValue(new Operands { Area = new Area(latitude, longitude, radius) }, description);
    }

    private double ReadNumber(JsonElement value, string name, double low, double high, string pointer)
    {
        var aboveLow = name == "radiusKm";
        var property = NodeJson.Find(value, name);
        var number = ParseCoordinate(property);
        if (number >= low && number <= high && (!aboveLow || number > low))
        {
            return number.Value;
        }

        var range = aboveLow ? $"a number above {low} and at most {high}" : $"a number from {low} to {high}";
        compilation.AddError($"{pointer}/{name}", ErrorText.DescribeMismatch(name, range, property));
        return 0;
    }

    private RuleValue? ReadPolygon(JsonElement polygon, string pointer, int errors)
    {
        var corners = ReadCorners(polygon, pointer);
        return compilation.Errors.Count > errors
            ? null
            : new RuleValue(new Operands { Area = new Area(corners) }, $"a polygon of {corners.Count} corners");
    }

    private List<(double Longitude, double Latitude)> ReadCorners(JsonElement polygon, string pointer)
    {
        if (polygon.ValueKind != JsonValueKind.Array)
        {
            compilation.AddError(pointer, ErrorText.DescribeMismatch("polygon", "a list of [longitude, latitude]", polygon));
            return [];
        }

        var count = polygon.GetArrayLength();
        if (count is < Area.MinCorners or > Area.MaxCorners)
        {
            compilation.AddError(pointer, $"polygon must have {Area.MinCorners} to {Area.MaxCorners} points, but has {count}.");
            return [];
        }

        var corners = new List<(double Longitude, double Latitude)>();
        var index = 0;
        foreach (var corner in polygon.EnumerateArray())
        {
            if (ParseCorner(corner) is { } read)
            {
                corners.Add(read);
            }
            else
            {
                var expected = "[longitude, latitude] within ±180 and ±90";
                compilation.AddError($"{pointer}/{index}", ErrorText.DescribeMismatch("A point", expected, corner));
            }

            index++;
        }

        if (corners.Count == count)
        {
            CheckEdges(corners, pointer);
        }

        return corners;
    }

    private void CheckEdges(List<(double Longitude, double Latitude)> corners, string pointer)
    {
        var count = corners.Count;
        for (var i = 0; i < count; i++)
        {
            // The edge that closes the polygon is reported at the last corner, every other at its end.
            var span = Math.Abs(corners[i].Longitude - corners[(i + 1) % count].Longitude);
            compilation.AddErrorIf(
                span > MaxLongitude,
                $"{pointer}/{Math.Min(i + 1, count - 1)}",
                "No edge of a polygon may span more than 180 degrees; split it at the date line.");
        }
    }

    private static (double Longitude, double Latitude)? ParseCorner(JsonElement corner)
    {
        if (corner.ValueKind != JsonValueKind.Array || corner.GetArrayLength() != 2)
        {
            return null;
        }

        var longitude = ParseCoordinate(corner[0]);
        var latitude = ParseCoordinate(corner[1]);
        if (longitude is null || latitude is null)
        {
            return null;
        }

        var isOnEarth = Math.Abs(longitude.Value) <= MaxLongitude && Math.Abs(latitude.Value) <= MaxLatitude;
        return isOnEarth ? (longitude.Value, latitude.Value) : null;
    }

    private static double? ParseCoordinate(JsonElement value)
    {
        var number = double.NaN;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var read))
        {
            number = read;
        }
        else if (value.ValueKind == JsonValueKind.String
            && double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed))
        {
            number = parsed;
        }

        return double.IsFinite(number) ? number : null;
    }
}
