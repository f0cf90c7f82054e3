using System.Data;
using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>
/// A predicate whose percentiles have become the lifetime values that they mean. A sub-query's value is unknown
/// when the statement around it is planned, and PostgreSQL then reads all customers; a value at hand is looked up
/// in its statistics, and the index serves the comparison.
/// </summary>
/// <remarks>
/// Values and answer are read by different statements. They are of one snapshot, that of the transaction which this
/// holds until it is disposed of:
/// else whoever is written in between could be above a threshold that is no longer that of any moment (two customers at percentile 100).
/// </remarks>
internal sealed class PercentileThresholds : IAsyncDisposable
{
    // More than any customer's value: a billion of the largest amounts.
    private const decimal Beyond = 1e27m;

    private readonly IDbContextTransaction? transaction;

    private PercentileThresholds(Expression<Func<Customer, bool>> predicate, IDbContextTransaction? transaction) =>
        (Predicate, this.transaction) = (predicate, transaction);

    /// <summary>The predicate with values in place of percentiles; true of the snapshot that they were read in.</summary>
    public Expression<Func<Customer, bool>> Predicate { get; }

    /// <summary>Reads the values that a predicate needs; none where it has no percentile.</summary>
    public static async Task<PercentileThresholds> ReadAsync(
        SegmentationDb db, Expression<Func<Customer, bool>> predicate, CancellationToken cancellation)
    {
        var search = new Search();
        search.Visit(predicate);
        if (search.Found.Count == 0)
        {
            return new PercentileThresholds(predicate, null);
        }

        var transaction = db.Database.CurrentTransaction is null
            ? await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation)
            : null;
        try
        {
            var values = new Dictionary<Expression, Expression>();
            foreach (var subquery in search.Found)
            {
                // Infinite where all or none are above, which no decimal is.
                var value = await ((IQueryable)db.CustomerTotals).Provider.CreateQuery<decimal?>(subquery.Arguments[0])
                    .Select(v => EF.Functions.Least(EF.Functions.Greatest(v, -Beyond), Beyond)).FirstAsync(cancellation);
                values.Add(subquery, Literal<decimal?>.Create(value));
            }

            return new PercentileThresholds((Expression<Func<Customer, bool>>)Splice.Replace(predicate, values), transaction);
        }
        catch
        {
            await (transaction?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw;
        }
    }

    public ValueTask DisposeAsync() => transaction?.DisposeAsync() ?? ValueTask.CompletedTask;

    // The sub-queries for one number, which depend on nothing but the rule: those of percentiles.
    private sealed class Search : ExpressionVisitor
    {
        public List<MethodCallExpression> Found { get; } = [];

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            var isFirst = node.Method.Name == nameof(Queryable.First) && node.Method.DeclaringType == typeof(Queryable);
            if (!isFirst || node.Type != typeof(decimal?))
            {
                return base.VisitMethodCall(node);
            }

            Found.Add(node);
            return node;
        }
    }
}
