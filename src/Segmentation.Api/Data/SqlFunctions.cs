using System.Reflection;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Data;

/// <summary>
/// The functions that compiled rules call, each with its twin in PostgreSQL. PostgreSQL puts the bodies of the SQL-language ones into the
/// query that calls them, so they cost what the expression costs.
/// </summary>
internal static class SqlFunctions
{
    // The text of each is part of a migration: to change one, add a migration that replaces it.
    private static readonly (MethodInfo Method, string Name)[] Mapped =
    [
        (MethodOf(() => LocalTime.Hour(default, "")), "seg_hour"),
        (MethodOf(() => LocalTime.DayOfWeek(default, "")), "seg_day_of_week"),
        (MethodOf(() => LocalTime.Month(default, "")), "seg_month"),
        (MethodOf(() => LocalTime.Date(default, "")), "seg_date"),
        (MethodOf(() => LocalTime.MonthDay(default, "")), "seg_month_day"),
        (MethodOf(() => LocalTime.AddCalendar(default, "", 0, 0)), "seg_add_calendar"),
        (MethodOf(() => LocalTime.AddMinutes(default, 0)), "seg_add_minutes"),
        (MethodOf(() => LocalTime.Years(default, default)), "seg_years"),
        (MethodOf(() => LocalTime.DaysBetween(default, default)), "seg_days_between"),
        (MethodOf(() => Area.DistanceKm(0, 0, 0, 0)), "seg_distance_km"),
        (MethodOf(() => Area.InPolygon(0, 0, Array.Empty<double>(), Array.Empty<double>())), "seg_in_polygon"),
        (MethodOf(() => Lists.HasNone(Array.Empty<string>(), "")), "seg_has_none"),
        (MethodOf(() => Lists.HasNone(Array.Empty<int>(), 0)), "seg_has_none"),
        (MethodOf(() => Lists.HasNone(Array.Empty<decimal>(), 0m)), "seg_has_none"),
        (MethodOf(() => Exact.Average(0, 0)), "seg_average"),
        (MethodOf(() => JsonValue.Text(default(JsonElement?), "")), "seg_json_text"),
        (MethodOf(() => JsonValue.Text(default(JsonElement?), Array.Empty<string>())), "seg_json_text"),
        (MethodOf(() => JsonValue.Number(default(JsonElement?), "")), "seg_json_number"),
        (MethodOf(() => JsonValue.Number(default(JsonElement?), Array.Empty<string>())), "seg_json_number"),
        (MethodOf(() => JsonValue.Boolean(default(JsonElement?), "")), "seg_json_boolean"),
        (MethodOf(() => JsonValue.Boolean(default(JsonElement?), Array.Empty<string>())), "seg_json_boolean"),
        (MethodOf(() => JsonValue.Date(default, "")), "seg_json_date"),
        (MethodOf(() => JsonValue.Instant(default, "")), "seg_json_instant"),
        (MethodOf(() => JsonValue.HasAll(default, "", Array.Empty<string>())), "seg_json_has_all"),
        (MethodOf(() => JsonValue.HasAny(default, "", Array.Empty<string>())), "seg_json_has_any"),
        (MethodOf(() => JsonValue.IsEmpty(default, "")), "seg_json_is_empty"),
        (MethodOf(() => JsonValue.Exists(default, Array.Empty<string>())), "seg_json_exists"),
        (MethodOf(() => JsonValue.Scalar(default, Array.Empty<string>())), "seg_json_scalar"),
        (MethodOf(() => PercentileFloor(0, false)), "seg_percentile_floor"),
        (MethodOf(() => PercentileFloorAt(0, false, default, Array.Empty<string>(), Array.Empty<string>())), "seg_percentile_floor_at"),
    ];

    /// <summary>
    /// The lifetime value that a customer's must exceed to have at least that percentile (or more than it, when
    /// <paramref name="above"/>); infinite when all or none do. Exists in SQL only.
    /// </summary>
    public static decimal? PercentileFloor(decimal percentile, bool above) => throw new NotSupportedException();

    /// <summary><see cref="PercentileFloor"/> as the events up to an instant had it. Exists in SQL only.</summary>
    public static decimal? PercentileFloorAt(decimal percentile, bool above, DateTimeOffset asOf, string[] orderTypes, string[] refundTypes) => throw new NotSupportedException();

    public static void Map(ModelBuilder model)
    {
        foreach (var (method, name) in Mapped)
        {
            model.HasDbFunction(method).HasName(name);
        }
    }

    private static MethodInfo MethodOf(System.Linq.Expressions.Expression<Func<object?>> call)
    {
        var body = call.Body is System.Linq.Expressions.UnaryExpression boxed ? boxed.Operand : call.Body;
        return ((System.Linq.Expressions.MethodCallExpression)body).Method;
    }
}

/// <summary>Exact arithmetic that decimals alone don't give.</summary>
public static class Exact
{
    /// <summary>Total / count, rounded half away from zero to eight decimals, for showing and for comparing fields; null without a count.</summary>
    public static decimal? Average(decimal total, int count) => count == 0 ? null : Math.Round(total / count, 8, MidpointRounding.AwayFromZero);
}
