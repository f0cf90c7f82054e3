using System.Numerics;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>Evaluates a block of customers, and schedules when each is to be re-evaluated.</summary>
internal sealed class BlockEvaluator(EvaluationSchedule schedule, MembershipOptions options)
{
    /// <summary>Evaluates customers, and adds the outcome to their chunk.</summary>
    /// <param name="block">At most 64 of them.</param>
    public async Task EvaluateAsync(
        SegmentationDb db, List<CustomerUnderEvaluation> block, SegmentsAt segments, EvaluationChunk chunk, CancellationToken cancellation)
    {
        EvaluateInMemory([.. block.Where(c => !c.IsOverEventLimit)], segments, chunk);
        foreach (var customer in block.Where(c => c.IsOverEventLimit))
        {
            await EvaluateOverLimitAsync(db, customer, segments, chunk, cancellation);
        }

        foreach (var evaluated in block)
        {
            // Segments outside the request's scope may have scheduled the customer earlier.
            schedule.Set(evaluated.Customer.Key, evaluated.Due, exact: ReferenceEquals(evaluated.Request.Scope, segments.Plan.Clock));
            chunk.Stored.Add(evaluated.Customer.Key, evaluated.Stored);
        }
    }

    private async Task EvaluateOverLimitAsync(
        SegmentationDb db, CustomerUnderEvaluation evaluated, SegmentsAt segments, EvaluationChunk chunk, CancellationToken cancellation)
    {
        var plan = segments.Plan;
        var moved = false;
        db.Database.SetCommandTimeout(options.CustomerLimit);
        foreach (var ordinal in evaluated.Request.Scope.Ordinals())
        {
            var segment = segments.Get(ordinal);
            if (segment.IsBuilding || (moved && segment.Plan is { ReadsEvents: true, References.Count: > 0 }))
            {
                // PostgreSQL evaluates it once this evaluation's moves are stored.
                segments.IsIncomplete |= !segment.IsBuilding;
                Defer(plan, segment.Plan, evaluated, chunk);
            }
            else if (segment.IsReady && segment.Plan.NeedsRank)
            {
                segments.RanksMoved |= segment.Plan.ReadsEvents || segments.MovesRanks(segment, evaluated);
            }
            else if (segment.IsReady && segment.Plan.ReadsEvents && (segment.IsAwaited || chunk.Rebuilt.Contains(segment.Plan.Segment.Id)))
            {
                // The rebuild will read the customer as it is now.
            }
            else if (segment.IsReady)
            {
                var member = segment.Plan.ReadsEvents
                    ? await IsMemberAsync(db, evaluated.Customer.Key, segment.Plan, segments, cancellation)
                    : segment.Plan.Contains(evaluated.Customer, segment.Now);
                if (member is null)
                {
                    chunk.Rebuilt.Add(segment.Plan.Segment.Id);
                    segments.IsIncomplete = true;
                }
                else if (member != evaluated.Stored.Contains(ordinal))
                {
                    moved = true;
                    Move(plan, segment, evaluated, member.Value, chunk);
                }
            }

            if (segment.IsScheduled)
            {
                evaluated.ScheduleAt(segment.Plan.ReadsEvents ? segments.At.AddMinutes(1) : segment.NextTransition(evaluated.Customer));
            }
        }
    }

    // Null where that takes too long.
    private static async Task<bool?> IsMemberAsync(
        SegmentationDb db, long key, SegmentPlan segment, SegmentsAt segments, CancellationToken cancellation)
    {
        try
        {
            return await db.Customers
                .Where(c => c.Key == key)
                .Where(segment.Members(segments.Plan.Definitions, segments.At, db, key))
                .AnyAsync(cancellation);
        }
        catch (Exception slow) when (StatementTimeout.IsCause(slow) && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    // Segment by segment: what a rule needs is then in the processor's cache for all customers, where a thousand rules for each customer
    // would fetch it anew.
    private static void EvaluateInMemory(CustomerUnderEvaluation[] block, SegmentsAt segments, EvaluationChunk chunk)
    {
        var plan = segments.Plan;

        // By the segment's ordinal, a bit for each customer that is to be evaluated for it.
        var requested = new ulong[plan.Segments.Count];
        for (var i = 0; i < block.Length; i++)
        {
            block[i].Request.Scope.Mark(requested, 1UL << i);
        }

        for (var ordinal = 0; ordinal < requested.Length; ordinal++)
        {
            if (requested[ordinal] == 0)
            {
                continue;
            }

            var segment = segments.Get(ordinal);
            for (var rest = requested[ordinal]; rest != 0; rest &= rest - 1)
            {
                var evaluated = block[BitOperations.TrailingZeroCount(rest)];
                if (segment.IsBuilding)
                {
                    // The rebuild may have read the customer before this change.
                    Defer(plan, segment.Plan, evaluated, chunk);
                }
                else if (segment.IsReady && segment.Plan.NeedsRank)
                {
                    segments.RanksMoved |= segments.MovesRanks(segment, evaluated);
                }
                else if (segment.IsReady
                    && segment.Plan.Contains(evaluated.Customer, segment.Now) is var member
                    && member != evaluated.Stored.Contains(ordinal))
                {
                    Move(plan, segment, evaluated, member, chunk);
                }
            }
        }

        // Transitions by earlier events are scheduled already: each event brings its customer in or out by itself, and every customer that
        // has one was found by the scan or evaluated since.
        foreach (var (customer, request, _) in block)
        {
            customer.Events.RemoveAll(e => e.OccurredAt < request.Since);
        }

        for (var ordinal = 0; ordinal < requested.Length; ordinal++)
        {
            if (requested[ordinal] != 0 && segments.Get(ordinal) is { IsScheduled: true } segment)
            {
                for (var rest = requested[ordinal]; rest != 0; rest &= rest - 1)
                {
                    var evaluated = block[BitOperations.TrailingZeroCount(rest)];
                    evaluated.ScheduleAt(segment.NextTransition(evaluated.Customer));
                }
            }
        }
    }

    private static void Defer(MembershipPlan plan, SegmentPlan segment, CustomerUnderEvaluation evaluated, EvaluationChunk chunk)
    {
        var request = evaluated.Request;
        chunk.Deferred.Add(
            new DeferredEvaluation(segment.Segment.Id, request.Cause, evaluated.Customer.Key, request.LastEvent(segment, plan)));
    }

    private static void Move(
        MembershipPlan plan, SegmentAt segment, CustomerUnderEvaluation evaluated, bool member, EvaluationChunk chunk)
    {
        var (customer, id) = (evaluated.Customer, segment.Plan.Segment.Id);
        evaluated.Stored.Set(segment.Plan.Ordinal, member);
        _ = member ? customer.MemberOf.Add(id) : customer.MemberOf.Remove(id);
        var (cause, eventId) = evaluated.Request.Reason(segment.Plan, plan, customer, segment.Now, member);
        var moves = evaluated.Request.Erased && !member ? chunk.LeftByAnonymous : chunk.Moves;
        moves.Add(new MembershipMove(segment.Plan, customer.Key, member, cause, eventId));
    }
}
