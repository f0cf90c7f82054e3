using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Reads segments as the API shows them: the definition, its errors, the count of members, the state of stored membership.
/// </summary>
public sealed class SegmentReader(SegmentationDb db, SegmentQuery query, MembershipReader memberships, SegmentStates states)
{
    /// <summary>One segment, with the count of its members as of now; where counting takes too long, the last count stands.</summary>
    /// <exception cref="Http.ApiProblem">404.</exception>
    public async Task<SegmentResource> ReadAsync(string key, CancellationToken cancellation)
    {
        var segment = await db.Segments.AsNoTracking().GetByKeyAsync(key, cancellation);
        var all = await query.DefinitionsAsync(cancellation);
        var resource = SegmentResource.From(segment, all.FindErrors(key));
        if (all.Segments.TryGetValue(key, out var definition) && await TryCountAsync(all, definition, cancellation) is { } count)
        {
            resource = resource with { MemberCount = count.Count, EvaluatedAt = count.EvaluatedAt };
        }

        return resource with { State = await states.ReadAsync(segment, cancellation) };
    }

    /// <summary>Makes resources of some segments. The counts are those of stored membership; of others, the last that was made.</summary>
    public async Task<Func<Segment, SegmentResource>> CreateViewAsync(IReadOnlyCollection<Segment> segments, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var stateById = await states.ReadAsync(segments, cancellation);
        var watermark = await db.MembershipLeaders.Select(l => l.Watermark).SingleAsync(cancellation);
        return segment =>
        {
            var state = stateById.GetValueOrDefault(segment.Id);
            var resource = SegmentResource.From(segment, all.FindErrors(segment.Key)) with { State = state };
            return state?.Status == MembershipStatus.Ready ? resource with { MemberCount = state.Kept, EvaluatedAt = watermark } : resource;
        };
    }

    // Null where counting takes too long. The definition is what was asked for; evaluatedAt shows how old the last count is.
    private async Task<SegmentCount?> TryCountAsync(DefinitionSet all, SegmentDefinition segment, CancellationToken cancellation)
    {
        try
        {
            return await memberships.CountAsync(all, segment, asOf: null, live: null, cancellation);
        }
        catch (Exception slow) when (StatementTimeout.IsCause(slow) && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }
}
