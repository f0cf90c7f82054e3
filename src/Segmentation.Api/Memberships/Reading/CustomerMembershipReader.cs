using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Which segments one customer is in: read from stored membership where that includes all that was written of the customer, else evaluated.
/// </summary>
public sealed class CustomerMembershipReader(DefinitionCache cache, StoredMembership stored, CustomerSnapshots snapshots)
{
    /// <summary>The active segments that a customer is in.</summary>
    /// <param name="live">Evaluate all segments in any case.</param>
    /// <exception cref="Http.ApiProblem">404: there is no such customer.</exception>
    public async Task<(IReadOnlyList<SegmentDefinition> Segments, DateTimeOffset EvaluatedAt)> ReadActiveAsync(
        string id, DateTimeOffset? asOf, bool live, CancellationToken cancellation)
    {
        if (asOf is null && !live && await ReadStoredAsync(id, cancellation) is var (all, memberships))
        {
            return (all.SelectActive(memberships.Segments), memberships.Watermark);
        }

        return await snapshots.EvaluateActiveAsync(id, asOf, cancellation);
    }

    /// <summary>Whether a customer is in one segment.</summary>
    /// <param name="live">Evaluate the rule in any case.</param>
    /// <exception cref="Http.ApiProblem">404: there is no such customer, or no such segment.</exception>
    public async Task<(bool Member, DateTimeOffset EvaluatedAt)> IsMemberAsync(
        string key, string id, DateTimeOffset? asOf, bool live, CancellationToken cancellation)
    {
        if (asOf is null && !live && await ReadStoredAsync(id, cancellation) is var (all, memberships)
            && all.Find(key) is { Status: SegmentStatus.Active } segment)
        {
            return (memberships.Segments.Contains(segment.Id), memberships.Watermark);
        }

        return await snapshots.EvaluateAsync(key, id, asOf, cancellation);
    }

    // Null where the rules have to be evaluated: the change log still contains the customer, a definition has
    // changed, or there is no such customer.
    private async Task<(DefinitionSet All, CustomerMemberships Memberships)?> ReadStoredAsync(string id, CancellationToken cancellation) =>
        cache.Latest is { } all
            && await stored.ReadAsync(id, cancellation) is { } memberships
            && memberships.DefinitionsVersion == all.Version
            ? (all, memberships)
            : null;
}
