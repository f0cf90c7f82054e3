using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Insight;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Models.Opportunities;

namespace Segmentation.Api.Discovery;

/// <summary>Whom rules hold of, and which active segments are much the same: a bit a customer.</summary>
/// <param name="db">In a transaction of one snapshot.</param>
public sealed class SegmentCovers(SegmentationDb db, Populations populations, MembershipReader memberships)
{
    private const int MostShown = 5;
    private const double Covered = 0.5;

    /// <summary>Finds them.</summary>
    /// <param name="all">The segments.</param>
    /// <param name="groups">The conditions of each, all of which hold of its customers.</param>
    /// <param name="asOf">The instant; null for now.</param>
    /// <param name="report">Is told how far it is, 0 to 1.</param>
    /// <param name="cancellation">Ends it.</param>
    internal async Task<IReadOnlyList<Cover>> FindAsync(
        DefinitionSet all, IReadOnlyList<IReadOnlyList<JsonObject>> groups, DateTimeOffset? asOf, Action<double> report,
        CancellationToken cancellation)
    {
        long[] keys = [.. await db.QueryAsync("SELECT key FROM customers", row => row.GetInt64(0), cancellation)];
        Array.Sort(keys);

        // Most conditions are those of several groups: each is evaluated once.
        var conditions = groups.SelectMany(g => g).DistinctBy(c => c.ToJsonString()).ToList();
        Dictionary<string, ulong[]> known = [];
        foreach (var (i, condition) in conditions.Index())
        {
            var part = await populations.EvaluateAsync(all, JsonSerializer.SerializeToElement(condition), asOf, "", cancellation);
            known.Add(condition.ToJsonString(), await ReadAsync(keys, part, cancellation));
            report(0.5 * (i + 1) / conditions.Count);
        }

        var found = groups.Select(g => BitSets.Intersect([.. g.Select(c => known[c.ToJsonString()])])).ToList();
        var sizes = found.Select(bits => BitSets.Count(bits)).ToList();
        var covers = groups.Select(_ => new List<CoverResult>()).ToList();
        foreach (var (i, segment) in all.Active.Index())
        {
            var members = await ReadAsync(keys, await FindMembersAsync(all, segment, asOf, cancellation), cancellation);
            var size = BitSets.Count(members);
            foreach (var (g, bits) in found.Index())
            {
                if (BitSets.FindJaccard(BitSets.CountBoth(bits, members), sizes[g], size) is > 0 and var jaccard)
                {
                    covers[g].Add(new CoverResult(segment.Key, jaccard));
                }
            }

            report(0.5 + (0.5 * (i + 1) / all.Active.Count));
        }

        return [.. covers.Select((c, g) => new Cover(
            sizes[g], [.. c.OrderByDescending(s => s.Jaccard).ThenBy(s => s.Segment, StringComparer.Ordinal).Take(MostShown)],
            !c.Any(s => s.Jaccard >= Covered)))];
    }

    private async Task<SqlPart> FindMembersAsync(
        DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var predicate = await memberships.CreatePredicateAsync(all, segment, asOf, live: null, cancellation);
        var members = predicate.IsStored
            ? db.Memberships.Where(m => m.SegmentId == segment.Id && m.LeftRevision == null).Select(m => m.CustomerKey)
            : db.Customers.Where(predicate.Predicate).Select(c => c.Key);
        return SqlPart.Create(members, "");
    }

    private async Task<ulong[]> ReadAsync(long[] keys, SqlPart part, CancellationToken cancellation)
    {
        var bits = new ulong[(keys.Length / CustomerHalves.WordSize) + 1];
        await using var command = new NpgsqlCommand(part.Text, (NpgsqlConnection)db.Database.GetDbConnection());
        command.Parameters.AddRange(part.CopyParameters());
        command.CommandTimeout = 0; // The server's own limit, and the token, hold.
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            if (Array.BinarySearch(keys, reader.GetInt64(0)) is >= 0 and var place)
            {
                BitSets.Set(bits, place);
            }
        }

        return bits;
    }
}

/// <summary>A group beside the active segments.</summary>
/// <param name="Customers">How many its rule holds of.</param>
/// <param name="Segments">Those that have most in common with it.</param>
/// <param name="IsOverlooked">Whether none has a Jaccard of 0.5 with it.</param>
internal sealed record Cover(long Customers, IReadOnlyList<CoverResult> Segments, bool IsOverlooked);
