using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Reads segments as the API shows them: the definition, its errors, the count of members, the state of stored membership.
/// </summary>
public sealed class SegmentReader(SegmentationDb db, SegmentQuery query, MembershipReader memberships, SegmentStates states)
{
    /// <summary>
    /// One segment, with the count of its members as of now; where counting takes too long, or building has failed, the last count stands.
    /// </summary>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<SegmentResource> ReadAsync(string key, CancellationToken cancellation)
    {
        var segment = await db.Segments.AsNoTracking().GetByKeyAsync(key, cancellation);
        var all = await query.DefinitionsAsync(cancellation);
        var resource = SegmentResource.From(segment, all, all.FindErrors(key));
        var state = await states.ReadAsync(segment, cancellation);
        if (state?.Status != MembershipStatus.Failed && all.Segments.TryGetValue(key, out var definition)
            && await TryCountAsync(all, definition, cancellation) is { } count)
        {
            resource = resource.WithCount(count);
            state = await states.ReadAsync(segment, cancellation);
        }

        return resource with { State = state };
    }

    /// <summary>A page of segments. The counts are those of stored membership; of others, the last that was made.</summary>
    /// <remarks>
    /// What the database can't decide (whether a rule is valid, texts as rules compare them) and orders other than that of keys are made
    /// here, from a few values of each segment: there are thousands of segments, not millions.
    /// </remarks>
    /// <exception cref="ApiProblem">400: the cursor is none of this list.</exception>
    public async Task<Page<SegmentResource>> ListAsync(
        SegmentFilter filter, SegmentSort sort, int limit, string? cursor, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var after = sort.ReadCursor(cursor);
        var segments = filter.Narrow(db.Segments.AsNoTracking());
        if (sort.IsByKey && filter is { Text: null, Valid: null })
        {
            segments = after is null ? segments : segments.Where(s => string.Compare(s.Key, after.Key) > 0);
            segments = segments.OrderBy(s => s.Key).Take(limit + 1);
        }

        var withText = filter.Text is not null;
        var rows = await (
            from s in segments
            join state in db.MembershipStates on s.Id equals state.SegmentId into states
            from state in states.DefaultIfEmpty()
            select new
            {
                s.Id,
                s.Key,
                s.Name,
                s.UpdatedAt,
                Size = s.Status == SegmentStatus.Active && state.Status == MembershipStatus.Ready ? state.Size : s.MemberCount,
                Texts = withText ? new[] { s.Description, s.Goal } : null,
                Tags = withText ? s.Tags : null,
            }).ToListAsync(cancellation);
        var places = rows
            .Where(r => !withText || filter.HasText([r.Key, r.Name, .. r.Texts!, .. r.Tags!]))
            .Where(r => filter.Valid is null || filter.Valid == (all.FindErrors(r.Key).Count == 0))
            .Select(r => new SegmentPlace(r.Id, r.Key, r.Name, r.Size, r.UpdatedAt))
            .Where(p => after is null || sort.Compare(p, after) > 0)
            .Order(Comparer<SegmentPlace>.Create(sort.Compare)).Take(limit + 1).ToList();

        var ids = places.Select(p => p.Id).ToArray();
        var byId = await db.Segments.AsNoTracking().Where(s => ids.Contains(s.Id)).ToDictionaryAsync(s => s.Id, cancellation);
        var view = await CreateViewAsync(all, byId.Values, cancellation);
        var page = Paging.Create(places, limit, p => byId.GetValueOrDefault(p.Id), sort.CreateCursor);
        return new Page<SegmentResource>([.. page.Items.OfType<Segment>().Select(view)], page.NextCursor);
    }

    private async Task<Func<Segment, SegmentResource>> CreateViewAsync(
        DefinitionSet all, IReadOnlyCollection<Segment> segments, CancellationToken cancellation)
    {
        var stateById = await states.ReadAsync(segments, cancellation);
        var leader = await db.MembershipLeaders.AsNoTracking().SingleAsync(cancellation);
        var ahead = leader.AheadUntil > leader.Watermark ? leader.AheadUntil.Value : leader.Watermark;
        var total = await db.CustomerTotals.Select(t => t.Customers).SingleAsync(cancellation);
        return segment =>
        {
            var state = stateById.GetValueOrDefault(segment.Id);
            var resource = SegmentResource.From(segment, all, all.FindErrors(segment.Key)) with { State = state, Total = total };
            return state?.Status == MembershipStatus.Ready
                ? resource.WithCount(SegmentQuery.Share(state.Kept, total, state.EvaluatedUntil ?? ahead))
                : segment is { MemberCount: { } count, EvaluatedAt: { } at } ? resource.WithCount(SegmentQuery.Share(count, total, at))
                : resource;
        };
    }

    // Null where counting takes too long, or too many count already. The definition is what was asked for; evaluatedAt shows how old the
    // last count is.
    private async Task<SegmentCount?> TryCountAsync(DefinitionSet all, SegmentDefinition segment, CancellationToken cancellation)
    {
        try
        {
            return await memberships.CountAsync(all, segment, asOf: null, live: null, cancellation);
        }
        catch (Exception slow) when (
            (StatementTimeout.IsCause(slow) || slow is ApiProblem { RetryAfter: not null }) && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }
}
