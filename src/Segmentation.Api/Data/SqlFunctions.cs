using System.Linq.Expressions;
using System.Reflection;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql.EntityFrameworkCore.PostgreSQL.Query.Expressions.Internal;
using Segmentation.Models.Feedback;
using Segmentation.Rules.Backends.Sql;
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
        (FindMethod(() => LocalTime.Hour(default, "")), "seg_hour"),
        (FindMethod(() => LocalTime.DayOfWeek(default, "")), "seg_day_of_week"),
        (FindMethod(() => LocalTime.Month(default, "")), "seg_month"),
        (FindMethod(() => LocalTime.Date(default, "")), "seg_date"),
        (FindMethod(() => LocalTime.MonthDay(default, "")), "seg_month_day"),
        (FindMethod(() => LocalTime.AddCalendar(default, "", 0, 0)), "seg_add_calendar"),
        (FindMethod(() => LocalTime.AddMinutes(default, 0)), "seg_add_minutes"),
        (FindMethod(() => LocalTime.Years(default, default)), "seg_years"),
        (FindMethod(() => LocalTime.DaysBetween(default, default)), "seg_days_between"),
        (FindMethod(() => Area.DistanceKm(0, 0, 0, 0)), "seg_distance_km"),
        (FindMethod(() => Area.InPolygon(0, 0, Array.Empty<double>(), Array.Empty<double>())), "seg_in_polygon"),
        (FindMethod(() => Lists.HasNone(Array.Empty<string>(), "")), "seg_has_none"),
        (FindMethod(() => Lists.HasNone(Array.Empty<int>(), 0)), "seg_has_none"),
        (FindMethod(() => Lists.HasNone(Array.Empty<decimal>(), 0m)), "seg_has_none"),
        (FindMethod(() => Exact.Average(0, 0)), "seg_average"),
        (FindMethod(() => JsonValue.Text(default(JsonElement?), "")), "seg_json_text"),
        (FindMethod(() => JsonValue.Text(default(JsonElement?), Array.Empty<string>())), "seg_json_text"),
        (FindMethod(() => JsonValue.Number(default(JsonElement?), "")), "seg_json_number"),
        (FindMethod(() => JsonValue.Number(default(JsonElement?), Array.Empty<string>())), "seg_json_number"),
        (FindMethod(() => JsonValue.Boolean(default(JsonElement?), "")), "seg_json_boolean"),
        (FindMethod(() => JsonValue.Boolean(default(JsonElement?), Array.Empty<string>())), "seg_json_boolean"),
        (FindMethod(() => JsonValue.Date(default, "")), "seg_json_date"),
        (FindMethod(() => JsonValue.Instant(default, "")), "seg_json_instant"),
        (FindMethod(() => JsonValue.HasAll(default, "", Array.Empty<string>())), "seg_json_has_all"),
        (FindMethod(() => JsonValue.HasAny(default, "", Array.Empty<string>())), "seg_json_has_any"),
        (FindMethod(() => JsonValue.IsEmpty(default, "")), "seg_json_is_empty"),
        (FindMethod(() => JsonValue.Exists(default, Array.Empty<string>())), "seg_json_exists"),
        (FindMethod(() => JsonValue.Scalar(default, Array.Empty<string>())), "seg_json_scalar"),
        (FindMethod(() => JsonValue.LargeNumber(default, Array.Empty<string>())), "seg_json_large_number"),
        (FindMethod(() => JsonValue.WrittenInstant(default, Array.Empty<string>())), "seg_json_written_instant"),
        (FindMethod(() => Percentile(0, Array.Empty<long>(), Array.Empty<long>())), "seg_percentile"),
        (FindMethod(() => CustomerKeys()), "seg_customer_keys"),
        (FindMethod(() => CustomerRanks()), "seg_customer_ranks"),
        (FindMethod(() => CustomerRanksAt(default, Array.Empty<string>(), Array.Empty<string>())), "seg_customer_ranks_at"),
        (FindMethod(() => PercentileFloor(0, false)), "seg_percentile_floor"),
        (FindMethod(() => PercentileFloorAt(0, false, default, Array.Empty<string>(), Array.Empty<string>())), "seg_percentile_floor_at"),
    ];

    /// <summary>
    /// The lifetime value that a customer's must exceed to have at least that percentile (or more than it, when
    /// <paramref name="above"/>); infinite when all or none do. In SQL only.
    /// </summary>
    public static decimal? PercentileFloor(decimal percentile, bool above) => throw new NotSupportedException();

    /// <summary><see cref="PercentileFloor"/> from the events up to an instant. In SQL only.</summary>
    public static decimal? PercentileFloorAt(
        decimal percentile, bool above, DateTimeOffset asOf, string[] orderTypes, string[] refundTypes) =>
            throw new NotSupportedException();

    /// <summary>
    /// The percentile of a customer: 100 × customers with a smaller lifetime value / (all − 1). In SQL only.
    /// </summary>
    /// <param name="keys"><see cref="CustomerKeys"/>, of which the customer's is one.</param>
    /// <param name="ranks"><see cref="CustomerRanks"/>, now or at an instant.</param>
    public static decimal Percentile(long key, long[] keys, long[] ranks) => throw new NotSupportedException();

    /// <summary>The keys of all customers, in order. In SQL only.</summary>
    public static long[] CustomerKeys() => throw new NotSupportedException();

    /// <summary>How many have a smaller lifetime value, of each of <see cref="CustomerKeys"/>. In SQL only.</summary>
    public static long[] CustomerRanks() => throw new NotSupportedException();

    /// <summary><see cref="CustomerRanks"/> from the events up to an instant. In SQL only.</summary>
    public static long[] CustomerRanksAt(DateTimeOffset asOf, string[] orderTypes, string[] refundTypes) =>
        throw new NotSupportedException();

    public static void Map(ModelBuilder model)
    {
        foreach (var (method, name) in Mapped)
        {
            model.HasDbFunction(method).HasName(name);
        }

        // PostgreSQL's own.
        model.HasDbFunction(FindMethod(() => Exact.RoundSentiment(default))).HasTranslation(arguments => new SqlFunctionExpression(
            "round",
            [arguments[0], new SqlConstantExpression(SentimentScale.Decimals, IntTypeMapping.Default)],
            nullable: true,
            argumentsPropagateNullability: [true, false],
            typeof(decimal),
            arguments[0].TypeMapping));
        model.HasDbFunction(FindMethod(() => Exact.Latest(null, null))).HasTranslation(arguments => Choose("greatest", arguments));
        model.HasDbFunction(FindMethod(() => Exact.Earliest(null, null))).HasTranslation(arguments => Choose("least", arguments));
        model.HasDbFunction(FindMethod(() => SequenceRow.FindLatestBefore(null, 0, default))).HasTranslation(TranslateLatestBefore);
    }

    // PostgreSQL's leave out what is null.
    private static SqlFunctionExpression Choose(string name, IReadOnlyList<SqlExpression> arguments) => new(
        name, arguments, nullable: true, argumentsPropagateNullability: [false, false], arguments[0].Type, arguments[0].TypeMapping);

    // EF Core has no window functions but ROW_NUMBER. The separators of one function's arguments spell the clause: it is sorted once for
    // all windows over the same rows.
#pragma warning disable EF1001 // Approved SQL texts show whether a new version still spells it so.
    private static SqlExpression TranslateLatestBefore(IReadOnlyList<SqlExpression> arguments) =>
        PgFunctionExpression.CreateWithArgumentSeparators(
            "max",
            [.. arguments, new SqlFragmentExpression("GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING")],
            [") OVER (PARTITION BY", "ORDER BY", ""],
            nullable: true,
            argumentsPropagateNullability: [false, false, false, false],
            builtIn: true,
            arguments[0].Type,
            arguments[0].TypeMapping);
#pragma warning restore EF1001

    private static MethodInfo FindMethod(Expression<Func<object?>> call)
    {
        var body = call.Body is UnaryExpression boxed ? boxed.Operand : call.Body;
        return ((MethodCallExpression)body).Method;
    }
}
