using Segmentation.Api.Changes;

namespace Segmentation.Api.Memberships;

/// <summary>Turns entries of the change log into what they ask for: rebuilds of segments, and evaluations of customers.</summary>
internal sealed class ChangeLogDispatcher(MembershipWriter writer, SegmentRebuilds rebuilds, RankRebuilds ranks)
{
    /// <returns>The customers to evaluate, by their keys, and the entries that are done with that.</returns>
    public async Task<(IReadOnlyDictionary<long, EvaluationRequest> Requests, IReadOnlyList<ChangeLogEntry> Done)> DispatchAsync(
        MembershipPlan plan, IReadOnlyList<ChangeLogEntry> entries, CancellationToken cancellation)
    {
        var requests = new Dictionary<long, EvaluationRequest>();
        List<ChangeLogEntry> done = [];
        foreach (var entry in entries)
        {
            var segment = entry.SegmentId is { } id ? plan.ById.GetValueOrDefault(id) : null;
            if (entry.Keys is not null)
            {
                done.Add(entry);
                AddRequests(plan, entry, entry.Keys, segment, requests);
            }
            else if (entry.SegmentId is null)
            {
                await RebuildAllAsync(plan, entry, cancellation);
            }
            else if (segment is not null)
            {
                Rebuild(segment, entry);
            }
            else
            {
                done.Add(entry);
            }
        }

        return (requests, done);
    }

    private void Rebuild(SegmentPlan segment, ChangeLogEntry entry)
    {
        var cause = rebuilds.IsReady(segment.Segment.Id) ? entry.Cause : MembershipCause.Definition;
        rebuilds.Enqueue(segment, cause).Entries.Add(entry.Id);
    }

    // An entry a segment takes the place of the one for all that read what changed, so that each is done with its segment's rebuild.
    private async Task RebuildAllAsync(MembershipPlan plan, ChangeLogEntry entry, CancellationToken cancellation)
    {
        var affected = entry.Changed is null ? plan.Everything : FindScope(plan, entry, null)!;
        var rebuilt = affected.Ordinals().Select(o => plan.Segments[o]).ToList();
        foreach (var segment in rebuilt)
        {
            Rebuild(segment, entry);
        }

        await writer.InTransactionAsync(null, async (connection, transaction) =>
        {
            rebuilds.RemoveEntry(entry.Id);
            int[] segments = [.. rebuilt.Select(s => s.Segment.Id)];
            await ChangeLog.AppendSegmentsAsync(connection, transaction, entry.Cause, segments, [entry.Id], cancellation);
        }, cancellation);
    }

    private void AddRequests(
        MembershipPlan plan, ChangeLogEntry entry, long[] keys, SegmentPlan? segment, Dictionary<long, EvaluationRequest> requests)
    {
        if (entry.Created || entry.Cause == MembershipCause.Erased || entry.EventTypes?.Any(plan.MovesRanks) == true)
        {
            ranks.MarkMoved(plan);
        }

        var scope = FindScope(plan, entry, segment);
        for (var i = 0; i < keys.Length; i++)
        {
            if (!requests.TryGetValue(keys[i], out var request))
            {
                requests.Add(keys[i], request = new EvaluationRequest(new SegmentSet(plan.Segments.Count)));
            }

            if (entry.EventTypes is { } types)
            {
                if (entry.SegmentId is null)
                {
                    request.Scope.Add(plan.AffectedByEvent(types[i]));
                }

                (request.Events ??= []).Add(new TriggeringEvent(types[i], entry.EventIds![i]));
            }

            if (scope is not null)
            {
                request.Scope.Add(scope);
            }

            var since = entry.EventTimes?[i] ?? DateTimeOffset.MinValue;
            request.Since = since < request.Since ? since : request.Since;

            // The first entry gives the reason, unless it only asks for a re-evaluation.
            request.Cause = request.Cause == default || request.Cause == MembershipCause.Refresh ? entry.Cause : request.Cause;
            request.Erased |= entry.Cause == MembershipCause.Erased;
        }
    }

    // The segments that an entry affects for each of its customers; null for none, or where that depends on each customer's event.
    private static SegmentSet? FindScope(MembershipPlan plan, ChangeLogEntry entry, SegmentPlan? segment)
    {
        if (entry.SegmentId is not null)
        {
            return segment is null ? null : plan.Following(segment);
        }

        if (entry.Created)
        {
            return plan.Everything;
        }

        if (entry.Changed is null)
        {
            return entry.EventTypes is null ? plan.Profile : null;
        }

        var scope = new SegmentSet(plan.Segments.Count);
        foreach (var member in entry.Changed)
        {
            scope.Add(plan.AffectedByMember(member));
        }

        return scope;
    }
}
