using System.Reflection;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Rules;

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
        (Of(() => LocalTime.Hour(default, "")), "seg_hour"),
        (Of(() => LocalTime.DayOfWeek(default, "")), "seg_day_of_week"),
        (Of(() => LocalTime.Month(default, "")), "seg_month"),
        (Of(() => LocalTime.Date(default, "")), "seg_date"),
        (Of(() => LocalTime.MonthDay(default, "")), "seg_month_day"),
        (Of(() => LocalTime.AddCalendar(default, "", 0, 0)), "seg_add_calendar"),
        (Of(() => LocalTime.AddMinutes(default, 0)), "seg_add_minutes"),
        (Of(() => LocalTime.Years(default, default)), "seg_years"),
        (Of(() => LocalTime.DaysBetween(default, default)), "seg_days_between"),
        (Of(() => Area.DistanceKm(0, 0, 0, 0)), "seg_distance_km"),
        (Of(() => Area.InPolygon(0, 0, Array.Empty<double>(), Array.Empty<double>())), "seg_in_polygon"),
        (Of(() => Lists.HasNone(Array.Empty<string>(), "")), "seg_has_none"),
        (Of(() => Lists.HasNone(Array.Empty<int>(), 0)), "seg_has_none"),
        (Of(() => Lists.HasNone(Array.Empty<decimal>(), 0m)), "seg_has_none"),
        (Of(() => Exact.Average(0, 0)), "seg_average"),
        (Of(() => JsonValue.Text(default(JsonElement?), "")), "seg_json_text"),
        (Of(() => JsonValue.Text(default(JsonElement?), Array.Empty<string>())), "seg_json_text"),
        (Of(() => JsonValue.Number(default(JsonElement?), "")), "seg_json_number"),
        (Of(() => JsonValue.Number(default(JsonElement?), Array.Empty<string>())), "seg_json_number"),
        (Of(() => JsonValue.Boolean(default(JsonElement?), "")), "seg_json_boolean"),
        (Of(() => JsonValue.Boolean(default(JsonElement?), Array.Empty<string>())), "seg_json_boolean"),
        (Of(() => JsonValue.Date(default, "")), "seg_json_date"),
        (Of(() => JsonValue.Instant(default, "")), "seg_json_instant"),
        (Of(() => JsonValue.HasAll(default, "", Array.Empty<string>())), "seg_json_has_all"),
        (Of(() => JsonValue.HasAny(default, "", Array.Empty<string>())), "seg_json_has_any"),
        (Of(() => JsonValue.IsEmpty(default, "")), "seg_json_is_empty"),
        (Of(() => JsonValue.Exists(default, Array.Empty<string>())), "seg_json_exists"),
        (Of(() => JsonValue.Scalar(default, Array.Empty<string>())), "seg_json_scalar"),
        (Of(() => PercentileFloor(0, false)), "seg_percentile_floor"),
        (Of(() => PercentileFloorAt(0, false, default, Array.Empty<string>(), Array.Empty<string>())), "seg_percentile_floor_at"),
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

    private static MethodInfo Of(System.Linq.Expressions.Expression<Func<object?>> call)
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
