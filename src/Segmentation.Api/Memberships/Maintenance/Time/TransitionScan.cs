using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Memberships;

/// <summary>Finds in PostgreSQL the customers that time may bring in or out of segments.</summary>
internal sealed class TransitionScan(IServiceScopeFactory scopes, MembershipOptions options)
{
    // Segments that one statement serves.
    private const int MaxShared = 64;

    /// <param name="segments">Each with the instant from which on.</param>
    /// <returns>The keys of the customers.</returns>
    public async Task<HashSet<long>> FindAsync(
        DefinitionSet definitions,
        (SegmentPlan Segment, DateTimeOffset From)[] segments,
        DateTimeOffset end,
        CancellationToken cancellation)
    {
        var found = new HashSet<long>();
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        db.Database.SetCommandTimeout(options.BuildLimit);
        var transitions = segments.Select(s =>
        {
            var margin = s.Segment.IsRegular(s.From, end) ? TimeSpan.Zero : SegmentAt.Irregularity;
            return s.Segment.Transitions(definitions, s.From - margin, end + margin, db);
        }).ToList();

        // Predicates over customers' rows read all customers, so that one scan serves many; queries for keys read
        // few of an hour's events, each its own.
        foreach (var some in transitions.Select(t => t.Predicate).OfType<LambdaExpression>().Chunk(MaxShared))
        {
            var c = Expression.Parameter(typeof(Customer), "c");
            var any = Expression.Lambda<Func<Customer, bool>>(Splice.Or([.. some.Select(s => Splice.Body(s, c))]), c);
            found.UnionWith(await db.Customers.Where(any).Select(x => x.Key).ToListAsync(cancellation));
        }

        foreach (var some in transitions.SelectMany(t => t.Keys).Chunk(MaxShared))
        {
            var provider = db.Events.AsQueryable().Provider;
            found.UnionWith(await some.Select(provider.CreateQuery<long>).Aggregate(Queryable.Concat).ToListAsync(cancellation));
        }

        return found;
    }
}
