using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules;

namespace Segmentation.Api.Segments;

/// <summary>
/// Which segments one customer is in: loads the customer with its events in one round trip, and evaluates every active segment in
/// memory, by the functions that the same compiler makes of the same trees.
/// </summary>
public sealed class CustomerSnapshots(
    SegmentationDb db, DefinitionCache cache, SegmentQuery query, CustomerRowReaders readers, RevenueOptions revenue)
{
    /// <summary>A customer with more events than this is left to SQL, which reads only those that a rule selects.</summary>
    public const int MaxEvents = 20_000;

    /// <summary>Keys and names of the active segments that a customer is in.</summary>
    /// <exception cref="ApiProblem">404: there is no such customer.</exception>
    public async Task<(IReadOnlyList<SegmentDefinition> Segments, DateTimeOffset EvaluatedAt)> EvaluateActiveAsync(
        string id, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var (all, customer, at, historical) = await LoadAsync(id, key: null, asOf, cancellation);
        if (customer.EventCount > MaxEvents)
        {
            List<SegmentDefinition> matching = [];
            foreach (var segment in all.Active)
            {
                if (await IsMemberInSqlAsync(all, segment, customer.Key, asOf, cancellation))
                {
                    matching.Add(segment);
                }
            }

            return (matching, at);
        }

        var compiled = all.CompileActive(historical);
        var evaluation = new Evaluation(at, TimeZones.Default);

        // Thousands of rules over thousands of events: who asked may have gone meanwhile.
        return ([.. all.Active.Where((s, i) =>
        {
            cancellation.ThrowIfCancellationRequested();
            return compiled[i].Contains(customer, evaluation.In(s.TimeZone));
        })], at);
    }

    /// <summary>Whether a customer is in one segment.</summary>
    /// <exception cref="ApiProblem">404: there is no such customer, or no such segment.</exception>
    public async Task<(bool Member, DateTimeOffset EvaluatedAt)> EvaluateAsync(
        string key, string id, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var (all, customer, at, historical) = await LoadAsync(id, key, asOf, cancellation);
        var segment = all.Find(key);
        return customer.EventCount > MaxEvents
            ? (await IsMemberInSqlAsync(all, segment, customer.Key, asOf, cancellation), at)
            : (all.Compile(segment, historical).Contains(customer, new Evaluation(at, segment.TimeZone)), at);
    }

    /// <summary>Why a customer is in a segment, or not: the rule tree with what each node found.</summary>
    /// <exception cref="ApiProblem">404; 409 for a customer of too many events to load.</exception>
    public async Task<Explanation> ExplainAsync(
        string key, string id, DateTimeOffset? asOf, bool showActual, SensitiveFields hidden, CancellationToken cancellation)
    {
        var (all, customer, at, historical) = await LoadAsync(id, key, asOf, cancellation);
        var segment = all.Find(key);
        if (customer.EventCount > MaxEvents)
        {
            throw ApiProblem.Conflict($"This customer has more than {MaxEvents} events; explanations are for fewer.");
        }

        var compiled = all.Compile(segment, historical);
        var evaluation = new Evaluation(at, segment.TimeZone);
        var tree = compiled.Rule is { IsValid: true } rule
            ? Explanation.Create(rule, customer, evaluation, showActual, hidden)
            : segment.Rule;
        var explanation = new Explanation(
            compiled.Contains(customer, evaluation), at, customer.RestrictedAt is null ? null : true,
            all.ExplainConsents(segment, historical, customer, evaluation, showActual), tree);
        return Json.Measure(explanation) <= Json.MaxAnswerBytes ? explanation
            : throw ApiProblem.Conflict("The explanation has more than 1 MiB: preview a draft with a part of the rule.");
    }

    private async Task<bool> IsMemberInSqlAsync(
        DefinitionSet all, SegmentDefinition segment, long key, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var predicate = query.CreatePredicate(all, segment, asOf, key).Predicate;
        return await db.Customers.Where(c => c.Key == key).Where(predicate).AnyAsync(cancellation);
    }

    // The cached definitions are assumed to hold; their version is read with the customer and shows. Where it is
    // another, both are read again.
    private async Task<Loaded> LoadAsync(string id, string? key, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var all = cache.Latest ?? await cache.GetAsync(db, cancellation);
        while (true)
        {
            var (at, historical) = query.Clock(asOf);
            var (version, customer) = await ReadAsync(id, at, historical, NeedsRank(all, key, historical), cancellation);
            if (version == all.Version)
            {
                foreach (var segment in key is not null ? [all.Find(key)] : asOf is null ? [] : all.Active)
                {
                    query.CheckInstant(all, segment.Rule, asOf);
                }

                return new Loaded(all, customer ?? throw ApiProblem.NotFound("customer"), at, historical);
            }

            all = await cache.GetAsync(db, cancellation);
        }
    }

    // Of one segment, or of all active ones.
    private static bool NeedsRank(DefinitionSet all, string? key, bool historical) => key is null
        ? all.CompileActive(historical).Any(s => s.NeedsRank)
        : all.Segments.TryGetValue(key, out var segment) && all.Compile(segment, historical).NeedsRank;

    private async Task<(long Version, Customer? Customer)> ReadAsync(
        string id, DateTimeOffset at, bool historical, bool needsRank, CancellationToken cancellation)
    {
        var statements = new CustomerStatements(readers.Get(db), revenue, id, at, historical, needsRank);
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var batch = new NpgsqlBatch((NpgsqlConnection)db.Database.GetDbConnection());
            batch.Add("SELECT stamp FROM definition_stamp");
            statements.AddTo(batch);
            await using var reader = await batch.ExecuteReaderAsync(cancellation);
            await reader.ReadAsync(cancellation);
            var version = reader.GetInt64(0);
            await reader.NextResultAsync(cancellation);
            return (version, await statements.ReadAsync(reader, cancellation));
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private sealed record Loaded(DefinitionSet All, Customer Customer, DateTimeOffset At, bool Historical);
}
