using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Models.Propensities;
using Segmentation.Rules;

namespace Segmentation.Api.Predictions;

/// <summary>A moment that propensity looks at customers.</summary>
/// <param name="At">What happened by then is known.</param>
/// <param name="Until">The goal counts up to here.</param>
/// <param name="Today">The day that it is in.</param>
public readonly record struct PropensityMoment(DateTimeOffset At, DateTimeOffset Until, DateOnly Today);

/// <summary>Reads what propensity is fitted on and scores by: each customer's features as of an instant, and whether the goal came.
/// </summary>
public sealed class PropensityReader(
    SegmentationDb db, MetricEvents events, DefinitionCache definitions, Populations populations, RevenueOptions revenue,
    PredictionOptions options)
{
    private const int MostTypes = 20, MostValues = 10;
    private const NpgsqlDbType Texts = NpgsqlDbType.Array | NpgsqlDbType.Text;

    // A value of a text that fewer customers have is no feature.
    private const double LeastShare = 0.002;

    // Who is known: has signed up, done something or been sent by then, and may be looked at.
    private const string Known = "least(c.created_at, c.signed_up_at, c.first_event_at) <= @at AND c.restricted_at IS NULL";

    /// <summary>Chooses the features by what happened in the 90 days before an instant.</summary>
    public async Task<PropensityFeatures> ChooseAsync(ModelSettings settings, PropensityMoment moment, CancellationToken cancellation)
    {
        var all = await definitions.GetAsync(db, cancellation);
        var from = moment.At.AddDays(-90);
        var recent = db.Events.Where(e => e.OccurredAt > from && e.OccurredAt <= moment.At);
        var ofGoal = events.Compile(settings.Goal).ToQuery(new Evaluation(moment.At, TimeZones.Default), db.Rows);
        var goals = await ListTypesAsync(recent.Where(ofGoal), cancellation);
        var types = goals.Concat(await ListTypesAsync(recent, cancellation)).Distinct(StringComparer.Ordinal).Take(MostTypes);
        string[] attributes = [.. (settings.Features ?? []).Select(f => f[PropensityType.AttributePrefix.Length..])];
        string[] texts = [.. attributes.Where(a => all.Attributes.Any(d => d.Name == a && d.Type == "text"))];
        const string prefix = PropensityType.AttributePrefix;
        string[] profileTexts = [.. PropensityFeatures.ProfileTexts.Select(t => t.Name)];
        var values = await db.QueryAsync(
            $"""
            SELECT name, value, count(*) AS customers, sum(count(*)) OVER (PARTITION BY name) AS total
            FROM customers c CROSS JOIN LATERAL (
                SELECT n, v FROM unnest(@profile, ARRAY[{ProfileTexts(all.Sensitive)}]) AS p(n, v)
                UNION ALL SELECT '{prefix}' || n, c.attributes_folded ->> n FROM unnest(@attributes) AS a(n)) AS t(name, value)
            WHERE {Known} GROUP BY name, value
            """,
            row => (
                Name: row.GetString(0), Value: row.IsDBNull(1) ? null : row.GetString(1),
                Share: (double)(row.GetInt64(2) / row.GetDecimal(3))),
            cancellation,
            new NpgsqlParameter("profile", Texts) { Value = profileTexts },
            new NpgsqlParameter("attributes", Texts) { Value = texts },
            new NpgsqlParameter("at", moment.At));
        var known = profileTexts.Concat(texts.Select(t => prefix + t)).ToDictionary(
            n => n,
            n => values.Where(v => v.Name == n && v.Value is not null && v.Share >= LeastShare)
                .OrderByDescending(v => v.Share).ThenBy(v => v.Value, StringComparer.Ordinal)
                .Take(MostValues).Select(v => v.Value!).ToArray());
        return new PropensityFeatures([.. types], known, attributes);
    }

    /// <summary>How many customers were known.</summary>
    public async Task<long> CountAsync(ModelSettings settings, PropensityMoment moment, CancellationToken cancellation)
    {
        var population = await FindPopulationAsync(settings, moment.At, cancellation);
        var counts = await db.QueryAsync(
            $"SELECT count(*) FROM customers c WHERE {Known}{Within(population)}", row => row.GetInt64(0), cancellation,
            [.. population?.CopyParameters() ?? [], new NpgsqlParameter("at", moment.At)]);
        return counts.Single();
    }

    /// <summary>Reads everybody who was known, in the order of their keys: one stream, which holds one customer at a time.</summary>
    /// <param name="connection">One that is open, and that nothing else uses meanwhile.</param>
    /// <param name="keys">Whose alone; null for everybody.</param>
    /// <param name="settings">The model's.</param>
    /// <param name="features">What is read.</param>
    /// <param name="moment">As of when.</param>
    /// <param name="cancellation">Ends it.</param>
    public async IAsyncEnumerable<FeatureRow> ReadAsync(
        NpgsqlConnection connection, long[]? keys, ModelSettings settings, PropensityFeatures features, PropensityMoment moment,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var sensitive = (await definitions.GetAsync(db, cancellation)).Sensitive;
        var (population, goal) = (await FindPopulationAsync(settings, moment.At, cancellation), Goal(settings, moment.At));
        await using var command = new NpgsqlCommand(
            $"""
            SELECT c.key AS key, -3 AS part, (@today - (c.signed_up_at AT TIME ZONE @zone)::date)::float8 AS a,
                extract(year FROM age(@today, {PropensityFeatures.Age.Read(sensitive, "date")}))::float8 AS b,
                NULL::float8 AS c, NULL::float8 AS d, 0::bigint AS m, 0::bigint AS n,
                ARRAY[{ProfileTexts(sensitive)}] || ARRAY(SELECT c.attributes_folded ->> u.n FROM unnest(@attributes)
                    WITH ORDINALITY AS u(n, i) ORDER BY u.i) AS t
            FROM customers c WHERE {Known}{Within(population)}{Of("c.key")}
            UNION ALL
            SELECT customer_key, coalesce(array_position(@types, type), 0), (count(*) FILTER (WHERE day < 7))::float8,
                (count(*) FILTER (WHERE day < 30))::float8, (count(*) FILTER (WHERE day < 90))::float8, min(day)::float8,
                coalesce(bit_or(1::bigint << day) FILTER (WHERE day < 45), 0),
                coalesce(bit_or(1::bigint << (day - 45)) FILTER (WHERE day BETWEEN 45 AND 89), 0), NULL
            FROM (
                SELECT customer_key, type, @today - (occurred_at AT TIME ZONE @zone)::date AS day FROM events
                WHERE occurred_at <= @at{Of("customer_key")}
            ) AS e
            GROUP BY 1, 2
            UNION ALL
            SELECT customer_key, -2, (count(*) - 1)::float8, (max(day) - min(day))::float8, (@today - min(day))::float8,
                (avg(amount) FILTER (WHERE amount > 0 AND day > first))::float8,
                0, 0, NULL
            FROM (
                SELECT customer_key, (occurred_at AT TIME ZONE @zone)::date AS day, sum(amount) AS amount,
                    min((occurred_at AT TIME ZONE @zone)::date) OVER (PARTITION BY customer_key) AS first
                FROM events WHERE type = ANY (@orders) AND occurred_at <= @at{Of("customer_key")}
                GROUP BY customer_key, (occurred_at AT TIME ZONE @zone)::date
            ) AS o GROUP BY customer_key
            UNION ALL
            SELECT key, -1, (count(*) FILTER (WHERE at <= @at))::float8, coalesce(sum(v) FILTER (WHERE at <= @at), 0)::float8,
                (count(*) FILTER (WHERE at > @at))::float8, NULL, 0, 0, NULL
            FROM ({goal.Text}) AS g(key, at, v) WHERE at > @from AND at <= @until{Of("key")} GROUP BY key
            ORDER BY 1, 2
            """,
            connection)
        {
            CommandTimeout = 0,
        };
        command.Parameters.AddRange(
            (NpgsqlParameter[])[
                .. population?.CopyParameters() ?? [], .. goal.CopyParameters(), new NpgsqlParameter("at", moment.At),
                new NpgsqlParameter("from", moment.At.AddDays(-90)), new NpgsqlParameter("until", moment.Until),
                new NpgsqlParameter("today", moment.Today), new NpgsqlParameter("zone", options.TimeZone),
                new NpgsqlParameter("types", Texts) { Value = features.Types },
                new NpgsqlParameter("orders", Texts) { Value = revenue.OrderTypes },
                new NpgsqlParameter("attributes", Texts) { Value = features.Attributes },
            ]);
        if (keys is not null)
        {
            command.Parameters.Add(new NpgsqlParameter("keys", NpgsqlDbType.Array | NpgsqlDbType.Bigint) { Value = keys });
        }

        string Of(string key) => keys is null ? "" : $" AND {key} = ANY (@keys)";
        var count = features.ListNames().Length;
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        (long Key, float[] Values)? customer = null;
        var (happened, days) = (false, (0L, 0L));
        while (await reader.ReadAsync(cancellation))
        {
            var (key, part) = (reader.GetInt64(0), reader.GetInt32(1));
            if (part == -3)
            {
                if (customer is { } whole)
                {
                    yield return new FeatureRow(whole.Key, whole.Values, happened);
                }

                customer = (key, features.Begin(count, Number(reader, 2), Number(reader, 3), reader.GetFieldValue<string?[]>(8)));
                (happened, days) = (false, (0, 0));
            }
            else if (customer is { } current && current.Key == key)
            {
                switch (part)
                {
                    case -2:
                        PropensityFeatures.AddOrders(
                            current.Values, reader.GetDouble(2), reader.GetDouble(3), reader.GetDouble(4), Number(reader, 5));
                        break;
                    case -1:
                        PropensityFeatures.AddGoal(current.Values, reader.GetDouble(2), reader.GetDouble(3));
                        happened = reader.GetDouble(4) > 0;
                        break;
                    default:
                        PropensityFeatures.AddEvents(
                            current.Values, part, reader.GetDouble(2), reader.GetDouble(3), reader.GetDouble(4), reader.GetDouble(5),
                            ref days, (reader.GetInt64(6), reader.GetInt64(7)));
                        break;
                }
            }
        }

        if (customer is { } last)
        {
            yield return new FeatureRow(last.Key, last.Values, happened);
        }
    }

    private static string ProfileTexts(SensitiveFields sensitive) =>
        string.Join(", ", PropensityFeatures.ProfileTexts.Select(t => t.Read(sensitive, "text")));

    private static double? Number(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetDouble(column);

    private static string Within(SqlPart? population) =>
        population is null ? "" : $" AND c.key IN (SELECT key FROM ({population.Text}) AS p(key))";

    // The most frequent ones, the most frequent first.
    private static Task<List<string>> ListTypesAsync(IQueryable<CustomerEvent> found, CancellationToken cancellation) =>
        found.GroupBy(e => e.Type).OrderByDescending(g => g.Count()).ThenBy(g => g.Key).Select(g => g.Key).Take(MostTypes)
            .ToListAsync(cancellation);

    private SqlPart Goal(ModelSettings settings, DateTimeOffset at) =>
        SqlPart.Create(events.Query(db, settings.Goal!.Value, MetricEvents.Amount, at), "goal_");

    private async Task<SqlPart?> FindPopulationAsync(ModelSettings settings, DateTimeOffset at, CancellationToken cancellation)
    {
        if (settings.Population is null)
        {
            return null;
        }

        var all = await definitions.GetAsync(db, cancellation);
        return all.Segments.TryGetValue(settings.Population, out var segment)
            ? await populations.EvaluateAsync(all, segment, at, "population_", cancellation)
            : Populations.Nobody;
    }
}
