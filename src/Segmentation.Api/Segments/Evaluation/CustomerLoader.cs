using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>Loads customers with what one segment's rule reads of them, that of the segments within it included, and no more.</summary>
/// <param name="db">In the transaction whose snapshot is read, if any.</param>
/// <param name="rows">Readers of whole rows.</param>
/// <param name="all">The definitions.</param>
/// <param name="segment">One whose rule is valid.</param>
internal sealed class CustomerLoader(SegmentationDb db, CustomerRowReaders.Both rows, DefinitionSet all, CompiledSegment segment)
{
    private readonly IReadOnlySet<string> members = segment.Rule!.MembersRead();

    /// <summary>Whether events are read: of a customer with more than <see cref="CustomerSnapshots.MaxEvents"/> none are loaded.</summary>
    public bool ReadsEvents => members.Contains(nameof(Customer.Events));

    /// <summary>The customers of these keys, by id; each has its key, id, lifetime value, number of events and
    /// scores besides.</summary>
    public async Task<List<Customer>> LoadAsync(long[] keys, CancellationToken cancellation)
    {
        var columns = rows.Customers.Select(
            new HashSet<string>(
                [
                    .. members, nameof(Customer.Key), nameof(Customer.Id), nameof(Customer.LifetimeValue), nameof(Customer.EventCount),
                ],
                StringComparer.Ordinal),
            "c");
        var loaded = await db.QueryAsync(
            $"SELECT {columns.Columns} FROM customers c WHERE c.key = ANY ($1) ORDER BY c.id", columns.Read, cancellation, Keys(keys));
        var byKey = loaded.ToDictionary(c => c.Key);
        var scores = await db.QueryAsync(
            $"SELECT {rows.Scores.Columns} FROM customer_scores WHERE customer_key = ANY ($1)", rows.Scores.Read, cancellation, Keys(keys));
        scores.ForEach(s => byKey[s.CustomerKey].Scores = s);
        if (ReadsEvents)
        {
            await LoadEventsAsync(byKey, cancellation);
        }

        if (members.Contains(nameof(Customer.ManualMemberships)))
        {
            var manual = await db.QueryAsync(
                "SELECT m.customer_key, m.segment_id FROM manual_members m WHERE m.customer_key = ANY ($1)",
                row => (Key: row.GetInt64(0), Segment: row.GetInt32(1)), cancellation, Keys(keys));
            manual.ForEach(m => byKey[m.Key].ManualMemberships.Add(new ManualMember { SegmentId = m.Segment, CustomerKey = m.Key }));
        }

        if (segment.NeedsRank)
        {
            // One pass in the order of the index ranks everybody.
            var ranks = await db.QueryAsync(
                """
                SELECT r.key, r.smaller, (SELECT customers FROM customer_total)
                FROM (SELECT key, rank() OVER (ORDER BY lifetime_value) - 1 AS smaller FROM customers) r WHERE r.key = ANY ($1)
                """,
                row => (Key: row.GetInt64(0), Rank: (row.GetInt64(1), row.GetInt64(2))), cancellation, Keys(keys));
            ranks.ForEach(r => byKey[r.Key].Rank = r.Rank);
        }

        return loaded;
    }

    private async Task LoadEventsAsync(Dictionary<long, Customer> customers, CancellationToken cancellation)
    {
        long[] keys = [.. customers.Values.Where(c => c.EventCount <= CustomerSnapshots.MaxEvents).Select(c => c.Key)];
        var read = Events(segment.Rule!.Source!.Value).ToList();
        string[]? types = read.Any(e => e.Types is null) ? null : [.. read.SelectMany(e => e.Types!).Distinct(StringComparer.Ordinal)];
        var events = await db.QueryAsync(
            $"SELECT {rows.Events.Columns} FROM events WHERE customer_key = ANY ($1) AND ($2 IS NULL OR type = ANY ($2))",
            rows.Events.Read,
            cancellation,
            Keys(keys),
            new NpgsqlParameter { Value = (object?)types ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        foreach (var e in events)
        {
            e.Customer = customers[e.CustomerKey];
            e.Customer.Events.Add(e);
        }
    }

    private IEnumerable<EventReference> Events(JsonElement rule) => RuleReferences.Events(rule).Concat(
        RuleReferences.Segments(rule).Select(k => all.Segments[k].Rule).OfType<JsonElement>().SelectMany(Events));

    private static NpgsqlParameter Keys(long[] keys) => SqlParameter.Create(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint);
}
