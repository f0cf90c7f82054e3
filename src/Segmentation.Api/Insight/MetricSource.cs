using System.Text.Json;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Insight;

/// <summary>A metric's events as a part of a statement: <c>key</c>, <c>at</c>, <c>c</c> (1 for an event of the metric, 0 for what counts
/// for its value alone), <c>y</c> and, of a ratio, <c>x</c> (what it is by).</summary>
internal sealed record MetricSource(MetricKind Kind, string Text, IReadOnlyList<NpgsqlParameter> Parameters)
{
    /// <summary>Longer gaps between events are no time spent.</summary>
    private const string LongestGap = "interval '30 minutes'";

    public bool IsRatio => Kind == MetricKind.Ratio;

    /// <param name="from">Events from here on.</param>
    /// <param name="until">Events before here.</param>
    /// <param name="asOf">The instant that relative dates go by.</param>
    public static MetricSource Create(
        MetricEvents events, SegmentationDb db, MetricResource metric, DateTimeOffset from, DateTimeOffset until, DateTimeOffset asOf)
    {
        var kind = metric.Kind!.Value;
        List<SqlPart> parts = [];
        List<string> terms = [];
        List<NpgsqlParameter> more = [];
        var by = metric.Denominator;
        const string value = "coalesce(v, 0)", one = "1", zero = "0";

        // What a ratio is by is most often counted of the same events.
        var isOfTheSame = by is { Of: null } && JsonElement.DeepEquals(by.Event!.Value, metric.Event!.Value);
        var y = metric.Of is not null ? value : kind is MetricKind.Count or MetricKind.Ratio ? one : zero;
        if (metric.Revenue is { } revenue)
        {
            AddRevenue(revenue);
        }
        else
        {
            Add(metric.Event!.Value, metric.Of, one, y, isOfTheSame ? one : zero);
        }

        if (by is not null && !isOfTheSame)
        {
            Add(by.Event!.Value, by.Of, zero, zero, by.Of is null ? one : value);
        }

        return new MetricSource(kind, string.Join("\nUNION ALL ", terms), [
            .. parts.SelectMany(p => p.CopyParameters()), .. more, new NpgsqlParameter("from", from), new NpgsqlParameter("until", until)]);

        // Orders and refunds, read once.
        void AddRevenue(RevenueOptions types)
        {
            string[] all = [.. types.OrderTypes, .. types.RefundTypes];
            parts.Add(SqlPart.Create(
                db.Events.Where(e => all.Contains(e.Type)).Select(e => new { e.CustomerKey, e.OccurredAt, e.Type, e.Amount }), "revenue_"));
            more.AddRange([new NpgsqlParameter("orders", types.OrderTypes), new NpgsqlParameter("refunds", types.RefundTypes)]);
            terms.Add(
                $"""
                SELECT key, at, CASE WHEN type = ANY (@orders) THEN 1 ELSE 0 END AS c,
                    CASE WHEN type = ANY (@orders) THEN coalesce(v, 0) ELSE 0 END
                        - CASE WHEN type = ANY (@refunds) THEN abs(coalesce(v, 0)) ELSE 0 END AS y
                FROM ({parts[^1].Text}) AS t(key, at, type, v) WHERE at >= @from AND at < @until
                """);
        }

        void Add(JsonElement group, string? of, string c, string termY, string x)
        {
            parts.Add(SqlPart.Create(events.Query(db, group, of, asOf), $"e{parts.Count}_"));
            terms.Add(Term(parts[^1], of is not null, c, termY, x));
        }

        string Term(SqlPart part, bool hasValue, string c, string termY, string x) =>
            $"""
            SELECT key, at, {c} AS c, {termY} AS y{(kind == MetricKind.Ratio ? $", {x} AS x" : "")}
            FROM ({part.Text}) AS t(key, at{(hasValue ? ", v" : "")}) WHERE at >= @from AND at < @until
            """;
    }

    /// <summary>The value of an event: of a time, the seconds since the one before it.</summary>
    /// <param name="among">Which events are consecutive: those that agree in these columns.</param>
    public string Value(string among) => Kind != MetricKind.Time
        ? "y"
        : $"""
          CASE WHEN at - lag(at) OVER (PARTITION BY {among} ORDER BY at) <= {LongestGap}
              THEN extract(epoch FROM at - lag(at) OVER (PARTITION BY {among} ORDER BY at)) ELSE 0 END
          """;
}
