using System.Collections.Concurrent;
using Segmentation.Api.Data;

namespace Segmentation.Api.Playbooks;

/// <summary>Knows which plays there are and were, as of one version of all playbooks: each version of one is read once.</summary>
internal sealed class SeenPlays
{
    private readonly ConcurrentDictionary<(string Playbook, int Version), HashSet<PlayExposure>> known = new();

    /// <summary>Those of these that a version of a playbook has, or had.</summary>
    public async Task<HashSet<PlayExposure>> FindAsync(
        SegmentationDb db, IReadOnlyCollection<PlayExposure> named, CancellationToken cancellation)
    {
        var unknown = named.Select(p => (p.Playbook, p.Version)).Distinct().Where(v => !known.ContainsKey(v)).ToList();
        if (unknown.Count > 0)
        {
            var found = await db.QueryAsync(
                """
                SELECT p.key, v.version, play ->> 'placement', play ->> 'key'
                FROM unnest($1, $2) AS w (key, version)
                JOIN playbooks p ON p.key = w.key
                JOIN playbook_versions v ON v.playbook_id = p.id AND v.version = w.version
                CROSS JOIN json_array_elements(v.definition -> 'plays') AS play
                """,
                row => new PlayExposure(row.GetString(2), row.GetString(0), row.GetInt32(1), row.GetString(3)),
                cancellation,
                SqlParameter.Create(unknown.Select(u => u.Playbook).ToArray()),
                SqlParameter.Create(unknown.Select(u => u.Version).ToArray()));

            // What is not there is not kept: it could be anything.
            foreach (var version in found.GroupBy(p => (p.Playbook, p.Version)))
            {
                known.TryAdd(version.Key, [.. version]);
            }
        }

        return [.. named.Where(p => known.TryGetValue((p.Playbook, p.Version), out var plays) && plays.Contains(p))];
    }
}
