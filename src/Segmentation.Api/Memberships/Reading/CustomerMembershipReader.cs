using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Which segments one customer is in: read from stored membership where that includes all that was written of the customer, else evaluated.
/// </summary>
public sealed class CustomerMembershipReader(
    DefinitionCache cache, StoredMembership stored, CustomerSnapshots snapshots, Work work)
{
    /// <summary>The active segments that a customer is in, with its stays in them unless all are evaluated.</summary>
    /// <param name="live">Evaluate all segments in any case.</param>
    /// <exception cref="Http.ApiProblem">404: there is no such customer.</exception>
    public async Task<(IReadOnlyList<CustomerMembership> Segments, DateTimeOffset EvaluatedAt)> ReadActiveAsync(
        string id, DateTimeOffset? asOf, bool live, CancellationToken cancellation)
    {
        if (asOf is null && !live && await ReadStoredAsync(id, cancellation) is var (all, memberships))
        {
            return (WithStays(all.SelectActive(memberships.Segments), memberships), memberships.Watermark);
        }

        await MoveAsync(asOf, live, cancellation);
        var (segments, evaluatedAt) = await snapshots.EvaluateActiveAsync(id, asOf, cancellation);
        var behind = asOf is null && !live ? await stored.ReadBehindAsync(id, cancellation) : null;
        return (WithStays(segments, behind), evaluatedAt);
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

        await MoveAsync(asOf, live, cancellation);
        return await snapshots.EvaluateAsync(key, id, asOf, cancellation);
    }

    // Evaluated because it was written an instant ago it is a single read all the same.
    private Task MoveAsync(DateTimeOffset? asOf, bool live, CancellationToken cancellation) =>
        asOf is not null || live ? work.MoveAsync(WorkClass.Heavy, cancellation) : Task.CompletedTask;

    private static IReadOnlyList<CustomerMembership> WithStays(
        IReadOnlyList<SegmentDefinition> segments, CustomerMemberships? memberships)
    {
        var stays = memberships?.Segments.Zip(memberships.Stays).ToDictionary(s => s.First, s => s.Second);
        return [.. segments.Select(s => new CustomerMembership(s, stays?.GetValueOrDefault(s.Id)))];
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
