using System.Data;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>What a portfolio is asked for; null where the default holds.</summary>
/// <param name="Metric">A metric's key; revenue.</param>
/// <param name="Days">How many days to look back, 1 to <see cref="MaxDays"/>; <see cref="DefaultDays"/>, or as many as are kept.</param>
/// <param name="Sort">By what.</param>
/// <param name="Tag">Only segments with this tag.</param>
/// <param name="AtRisk">The key of the segment of those who are likely to be lost.</param>
/// <param name="Membership">Whose membership.</param>
/// <param name="AsOf">The last instant; now.</param>
/// <param name="Limit">Segments on a page.</param>
/// <param name="Cursor">The page before's.</param>
public sealed record PortfolioRequest(
    string? Metric,
    int? Days,
    PortfolioSort Sort,
    string? Tag,
    string? AtRisk,
    MembershipSource Membership,
    DateTimeOffset? AsOf,
    int Limit,
    string? Cursor)
{
    /// <summary>Ten years.</summary>
    public const int MaxDays = 3_660;

    /// <summary>A quarter.</summary>
    public const int DefaultDays = 90;
}

/// <summary>Reads all active segments in one table.</summary>
public sealed class PortfolioReader(
    SegmentationDb db, SegmentQuery query, MetricStore metrics, MetricEvents events, Populations populations, EventHorizon horizon,
    TimeProvider time)
{
    private static readonly JsonElement DefaultRisk = JsonElement.Parse(
        """
        {"combinator":"and","rules":[{"field":"predicted.aliveProbability","operator":"<","value":0.5},
        {"field":"value.daysSinceLastOrder","operator":"<=","value":365}]}
        """);

    private const string Note = "Segments overlap: a customer counts in each, so that shares add up to more than 1.";

    /// <summary>Reads it.</summary>
    /// <exception cref="ApiProblem">400 at the parameter that is wrong.</exception>
    public async Task<Portfolio> ReadAsync(PortfolioRequest request, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var metric = await metrics.GetAsync(request.Metric ?? BuiltInMetrics.Default, "metric", cancellation);
        var risk = request.AtRisk is null ? null : Populations.Find(all, request.AtRisk, "atRisk");
        if (request.Days is < 1 or > PortfolioRequest.MaxDays)
        {
            throw ApiProblem.Invalid("days", $"days must be an integer from 1 to {PortfolioRequest.MaxDays}.");
        }

        // Later pages are of the instant of the first.
        var after = ReadCursor(request.Cursor);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var asOf = after?.AsOf ?? (request.AsOf < now ? request.AsOf.Value : now);
        var kept = horizon.Since ?? LocalTime.Earliest;
        var days = request.Days ?? Math.Clamp((int)(asOf - kept).TotalDays, 1, PortfolioRequest.DefaultDays);
        var from = asOf - LocalTime.Earliest > TimeSpan.FromDays(days) ? asOf.AddDays(-days) : LocalTime.Earliest;
        if (request.Days is not null && horizon.FindFault(from) is { } fault)
        {
            throw ApiProblem.Invalid("days", $"days counts back from asOf, to an instant that {fault}.");
        }

        from = from < kept ? LocalTime.Truncate(kept) : from;

        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        int[] tagged = await db.Segments
            .Where(s => s.Status == SegmentStatus.Active && (request.Tag == null || s.Tags.Contains(request.Tag))).Select(s => s.Id)
            .ToArrayAsync(cancellation);
        var segments = all.SelectActive(tagged);
        Populations.CheckEvaluations(request.Membership, 2, segments.Count);
        var since = await populations.ReadKeptSinceAsync(segments, cancellation);
        var total = await db.CustomerTotals.Select(t => t.Customers).SingleAsync(cancellation);
        var stays = request.Membership == MembershipSource.Rule
            ? await EvaluateAsync(all, segments, from, asOf, cancellation)
            : await ReadKeptAsync(segments, from, asOf, cancellation);
        var predicted = await ReadPredictedAsync(cancellation);
        var atRisk = risk is null
            ? predicted is null
                ? null
                : await populations.EvaluateAsync(all, DefaultRisk, request.AsOf is null ? null : asOf, "risk_", cancellation)
            : await populations.FindAtAsync(
                all, risk, request.Membership, asOf, await populations.ReadKeptSinceAsync(risk, cancellation), "risk_", cancellation);
        var rows = await ReadAsync(
            MetricSource.Create(events, db, metric, from, asOf.AddMicroseconds(1), asOf), stays, atRisk,
            predicted is not null, cancellation);

        var kind = metric.Kind!.Value;
        var everyone = rows.GetValueOrDefault(0).Sums with { Members = total };
        var items = segments.Select(Item)
            .OrderBy(i => SortValue(i, request.Sort) is null).ThenByDescending(i => SortValue(i, request.Sort))
            .ThenBy(i => i.Key, StringComparer.Ordinal)
            .SkipWhile(i => after is not null && !IsAfter(i, after.Value)).Take(request.Limit + 1).ToList();
        var page = items.Count > request.Limit ? items[..request.Limit] : items;
        return new Portfolio(
            metric.Key!, days, from, asOf, request.Membership, Note,
            new PortfolioEveryone(total, Value(everyone), Predict(predicted, total)), page,
            items.Count > request.Limit ? CreateCursor(SortValue(page[^1], request.Sort), page[^1].Key, asOf) : null,
            Populations.Warn(request.Membership, [.. segments, risk]));

        PortfolioItem Item(SegmentDefinition segment)
        {
            var row = rows.GetValueOrDefault(segment.Id);
            var isRule = request.Membership == MembershipSource.Rule;
            DateTimeOffset? keptSince = since.TryGetValue(segment.Id, out var first) ? first : null;
            var (wasKnown, isKnown) = (isRule || keptSince <= from, isRule || keptSince <= asOf);
            var value = wasKnown ? Value(row.Sums) : null;
            var prediction = isKnown ? Predict(predicted is null ? null : row.Predicted, row.Members) : null;
            return new PortfolioItem(
                segment.Key,
                segment.Name,
                isKnown ? row.Members : null,
                isKnown && total > 0 ? (double)row.Members / total : null,
                keptSince,
                wasKnown
                    ? new PortfolioGrowth(
                        days, row.Joined, row.Left, row.Joined - row.Left,
                        row.Sums.Members > 0 ? (row.Joined - row.Left) / row.Sums.Members : null)
                    : null,
                value,
                prediction,
                atRisk is null || !isKnown
                    ? null
                    : new PortfolioRisk(row.AtRisk, row.Members > 0 ? (double)row.AtRisk / row.Members : null,
                        predicted is null ? null : row.PredictedAtRisk),
                FindPosition(value?.Index, prediction?.Index));
        }

        PortfolioPrediction? Predict(double? sum, long members) => sum is null
            ? null
            : new PortfolioPrediction(
                sum.Value, members > 0 ? sum / members : null,
                members > 0 && predicted > 0 ? sum / members / (predicted / total) : null);

        PortfolioValue Value(MetricSums sums)
        {
            var figures = Figures.Create(kind, sums);
            var ofAll = Figures.Create(kind, everyone).Value;
            return new PortfolioValue(
                figures.Value,
                Figures.Level(kind, sums),
                kind == MetricKind.Ratio || ofAll is null or 0 ? null : figures.Value / ofAll,
                Figures.Index(kind, sums, everyone));
        }

        bool IsAfter(PortfolioItem item, (double? Value, string Key, DateTimeOffset AsOf) last) =>
            (SortValue(item, request.Sort), last.Value) switch
            {
                (null, not null) => true,
                (not null, null) => false,
                var (value, than) => value < than || (value == than && string.CompareOrdinal(item.Key, last.Key) > 0),
            };
    }

    private static PortfolioPosition? FindPosition(double? value, double? predicted) => (value >= 1, predicted >= 1) switch
    {
        _ when value is null || predicted is null => null,
        (true, true) => PortfolioPosition.Invest,
        (false, true) => PortfolioPosition.Grow,
        (true, false) => PortfolioPosition.Protect,
        _ => PortfolioPosition.Maintain,
    };

    private static double? SortValue(PortfolioItem item, PortfolioSort sort) => sort switch
    {
        PortfolioSort.Value => item.Value?.Value,
        PortfolioSort.PerMember => item.Value?.PerMember,
        PortfolioSort.Growth => item.Growth?.Net,
        PortfolioSort.Predicted => item.Predicted?.LifetimeValue,
        _ => item.AtRisk?.Customers,
    };

    private static string CreateCursor(double? value, string key, DateTimeOffset asOf) => System.Buffers.Text.Base64Url.EncodeToString(
        JsonSerializer.SerializeToUtf8Bytes(new[]
        {
            value?.ToString("R", CultureInfo.InvariantCulture) ?? "", key, asOf.ToString("O", CultureInfo.InvariantCulture),
        }));

    private static (double? Value, string Key, DateTimeOffset AsOf)? ReadCursor(string? cursor)
    {
        const JsonValueKind text = JsonValueKind.String;
        if (Paging.MixedCursor(cursor, text, text, text) is not [var value, var key, var at])
        {
            return null;
        }

        double? number = value.ValueEquals("") ? null
            : double.TryParse(value.GetString(), CultureInfo.InvariantCulture, out var parsed) ? parsed
            : throw Paging.ForeignCursor();
        return at.TryGetDateTimeOffset(out var asOf) && asOf >= LocalTime.Earliest && asOf <= LocalTime.Latest
            ? (number, key.GetString()!, asOf.ToUniversalTime())
            : throw Paging.ForeignCursor();
    }

    // Rows of (segment, key, was in at the beginning, is in at the end, joined, left): of what is stored.
    private async Task<SqlPart> ReadKeptAsync(
        IReadOnlyList<SegmentDefinition> segments, DateTimeOffset from, DateTimeOffset asOf, CancellationToken cancellation)
    {
        var revisions = await populations.ReadRevisionsAsync([from, asOf], cancellation);
        return new SqlPart(
            """
            SELECT segment_id, customer_key, joined_batch < @first AND (left_batch IS NULL OR left_batch >= @first),
                left_batch IS NULL OR left_batch >= @after, joined_batch >= @first, left_batch < @after
            FROM memberships
            WHERE segment_id = ANY (@segments) AND joined_batch < @after AND (left_batch IS NULL OR left_batch >= @first)
            """,
            [
                new NpgsqlParameter("first", revisions[0]),
                new NpgsqlParameter("after", revisions[1]),
                new NpgsqlParameter("segments", segments.Select(s => s.Id).ToArray()),
            ]);
    }

    // The same by the rules.
    private async Task<SqlPart> EvaluateAsync(
        DefinitionSet all, IReadOnlyList<SegmentDefinition> segments, DateTimeOffset from, DateTimeOffset asOf,
        CancellationToken cancellation)
    {
        List<NpgsqlParameter> parameters = [];
        var text = new StringBuilder("SELECT 0, 0::bigint, false, false WHERE false");
        foreach (var segment in segments)
        {
            foreach (var (at, name, columns) in new[] { (from, "w", "true, false"), (asOf, "i", "false, true") })
            {
                var part = await populations.EvaluateAsync(all, segment, at, $"{name}{segment.Id}_", cancellation);
                text.Append(CultureInfo.InvariantCulture, $"\nUNION ALL SELECT {segment.Id}, key, {columns} FROM ({part.Text}) AS t(key)");
                parameters.AddRange(part.CopyParameters());
            }
        }

        return new SqlPart(
            $"""
            SELECT segment_id, key, was, here, here AND NOT was, was AND NOT here FROM (
                SELECT segment_id, key, bool_or(was) AS was, bool_or(here) AS here
                FROM ({text}) AS t(segment_id, key, was, here) GROUP BY segment_id, key) AS t
            """,
            parameters);
    }

    // Everybody's predicted lifetime values together; null where nobody has one.
    private async Task<double?> ReadPredictedAsync(CancellationToken cancellation)
    {
        var sums = await db.QueryAsync(
            "SELECT sum(lifetime_value)::float8 FROM customer_scores", row => row.IsDBNull(0) ? (double?)null : row.GetDouble(0),
            cancellation);
        return sums[0];
    }

    private async Task<Dictionary<int, PortfolioRow>> ReadAsync(
        MetricSource source, SqlPart stays, SqlPart? atRisk, bool predicts, CancellationToken cancellation)
    {
        var x = source.IsRatio ? ", x" : "";
        var sql =
            $"""
            WITH v AS MATERIALIZED (
                SELECT key, sum(c) AS c, sum(y) AS y{(source.IsRatio ? ", sum(x) AS x" : "")}
                FROM (SELECT key, c, {source.Value("key")} AS y{x} FROM ({source.Text}) AS s) AS e GROUP BY key
            )
            SELECT 0, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::float8, 0::float8, {MetricSums.Sql(source.IsRatio)} FROM v
            UNION ALL
            SELECT s.segment_id, count(*) FILTER (WHERE s.was), count(*) FILTER (WHERE s.here), count(*) FILTER (WHERE s.joined),
                count(*) FILTER (WHERE s.gone), {(atRisk is null ? "0" : "count(r.key) FILTER (WHERE s.here)")},
                {(predicts ? "coalesce(sum(p.lifetime_value) FILTER (WHERE s.here), 0)::float8" : "0")},
                {(predicts && atRisk is not null
                    ? "coalesce(sum(p.lifetime_value) FILTER (WHERE s.here AND r.key IS NOT NULL), 0)::float8"
                    : "0")},
                {MetricSums.Sql(source.IsRatio, filter: "s.was")}
            FROM ({stays.Text}) AS s(segment_id, key, was, here, joined, gone)
            LEFT JOIN v ON v.key = s.key {(predicts ? "LEFT JOIN customer_scores p ON p.customer_key = s.key" : "")}
            {(atRisk is null ? "" : $"LEFT JOIN ({atRisk.Text}) AS r(key) ON r.key = s.key")}
            GROUP BY s.segment_id
            """;
        var rows = await db.QueryAsync(
            sql,
            row => (Segment: row.GetInt32(0), Sums: new PortfolioRow(
                row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5), row.GetDouble(6), row.GetDouble(7),
                MetricSums.Read(row, 8, 0, row.GetInt64(1)))),
            cancellation,
            [.. source.Parameters, .. stays.CopyParameters(), .. atRisk?.CopyParameters() ?? []]);
        return rows.ToDictionary(r => r.Segment, r => r.Sums);
    }

    private readonly record struct PortfolioRow(long Members, long Joined, long Left, long AtRisk, double Predicted, double PredictedAtRisk,
        MetricSums Sums);
}
