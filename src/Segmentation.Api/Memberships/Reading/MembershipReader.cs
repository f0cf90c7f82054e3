using System.Linq.Expressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Who is in a segment: read from stored membership where there is one and a live evaluation was not asked for, else evaluated.
/// </summary>
public sealed class MembershipReader(SegmentationDb db, SegmentQuery query, StoredMembership stored, Work work)
{
    /// <summary>Who is in a segment.</summary>
    /// <param name="asOf">An instant to evaluate the rule at; null for now.</param>
    /// <param name="live">Evaluate the rule in any case.</param>
    public async Task<MemberPredicate> CreatePredicateAsync(
        DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, bool? live, CancellationToken cancellation)
    {
        if (await ReadStoredAsync(all, segment, asOf, live, cancellation) is not { } size)
        {
            return query.CreatePredicate(all, segment, asOf);
        }

        var memberships = db.Memberships;
        return new MemberPredicate(
            c => memberships.Any(m => m.CustomerKey == c.Key && m.SegmentId == segment.Id && m.LeftRevision == null), size.Watermark,
            IsStored: true);
    }

    /// <summary>Who is in any of some segments, in all of them, or in the first and in no other.</summary>
    public async Task<MemberPredicate> CombineAsync(
        DefinitionSet all, SetOperation operation, IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation)
    {
        var predicates = new List<MemberPredicate>();
        foreach (var segment in segments)
        {
            predicates.Add(await CreatePredicateAsync(all, segment, asOf: null, live: null, cancellation));
        }

        var customer = Expression.Parameter(typeof(Customer), "c");
        Expression[] members = [.. predicates.Select(p => Splice.Body(p.Predicate, customer))];
        var body = operation switch
        {
            SetOperation.Union => Splice.Or(members),
            SetOperation.Intersection => Splice.And(members),
            _ => Splice.And(members[0], Expression.Not(Splice.Or(members.AsSpan(1)))),
        };
        return new MemberPredicate(Expression.Lambda<Func<Customer, bool>>(body, customer), predicates.Min(p => p.EvaluatedAt));
    }

    /// <summary>How many are in a segment, of how many customers.</summary>
    /// <inheritdoc cref="CreatePredicateAsync"/>
    public async Task<SegmentCount> CountAsync(
        DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, bool? live, CancellationToken cancellation) =>
        await ReadStoredAsync(all, segment, asOf, live, cancellation) is { } size
            ? SegmentQuery.Share(size.Size, size.Customers, size.Watermark)
            : await query.CountAsync(query.CreatePredicate(all, segment, asOf), cancellation);

    // Null where the rule has to be evaluated, which is another class of work than to read.
    private async Task<StoredSize?> ReadStoredAsync(
        DefinitionSet all, SegmentDefinition segment, DateTimeOffset? asOf, bool? live, CancellationToken cancellation)
    {
        if (asOf is null && live != true && all.IsStored(segment)
            && await stored.ReadSizeAsync(segment.Id, cancellation) is { } size)
        {
            return size;
        }

        await work.MoveAsync(WorkClass.Heavy, cancellation);
        return null;
    }
}
