using System.Linq.Expressions;
using Segmentation.Api.Customers;
using Segmentation.Models;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Api.Segments;

/// <summary>
/// RFM: a customer's own columns against thresholds that are constants of the definitions, so that one expression serves SQL and memory,
/// and a score follows the customer's orders at once. At an instant in the past those count that were in force then.
/// </summary>
public sealed partial class CustomerFields
{
    private static IEnumerable<Field> Rfm(EventTotals totals, bool historical, RfmHistory history)
    {
        var latest = history.Latest;
        Expression<Func<Evaluation, RfmThresholds>> thresholds = historical ? x => history.At(x.AsOf) : x => latest;
        var recency = Score(
            totals.LastOrderAt, Combine(totals.LastOrderAt, (last, x) => last != null), thresholds,
            (last, t, n) => last >= t.FindRecency(n), (last, t, n) => last < t.FindRecency(n));
        var frequency = Score(
            totals.OrderCount, Combine(totals.OrderCount, (orders, x) => orders > 0), thresholds,
            (orders, t, n) => orders >= t.FindFrequency(n), (orders, t, n) => orders < t.FindFrequency(n));
        var monetary = Score(
            totals.LifetimeValue, Combine(totals.OrderCount, (orders, x) => orders > 0), thresholds,
            (value, t, n) => value >= t.FindMonetary(n), (value, t, n) => value < t.FindMonetary(n));
        const string scale = "1 to 5, by the thresholds of the last analysis rfm; missing without orders, and before the first analysis.";
        return
        [
            new(
                "value.rfmRecency", "value", Integer, "RFM recency", $"How recent the last order is: {scale}", recency.Access)
            { Range = (1, RecencyFrequencyValue.Scores) },
            new(
                "value.rfmFrequency", "value", Integer, "RFM frequency", $"How many orders there are: {scale}", frequency.Access)
            { Range = (1, RecencyFrequencyValue.Scores) },
            new(
                "value.rfmMonetary", "value", Integer, "RFM monetary value", $"How high the lifetime value is: {scale}", monetary.Access)
            { Range = (1, RecencyFrequencyValue.Scores) },
            new(
                RfmGroups.Field, "value", Text, "RFM group",
                "What customers of like RFM scores are called, from champions to lost; missing where the scores are.",
                new ScalarAccess(Group(recency, frequency, monetary)))
            {
                Values = RfmGroups.Names,
                Check = text => RfmGroups.Exists(text)
                    ? null
                    : $"{RfmGroups.Field} must be one of {string.Join(", ", RfmGroups.Names)}, not {ErrorText.Quote(text)}.",
            },
        ];
    }

    private static RfmScore Score<TValue>(
        Expression<Func<Customer, Evaluation, TValue>> value,
        Expression<Func<Customer, Evaluation, bool>> present,
        Expression<Func<Evaluation, RfmThresholds>> thresholds,
        Expression<Func<TValue, RfmThresholds, decimal, bool>> reaches,
        Expression<Func<TValue, RfmThresholds, decimal, bool>> misses)
    {
        var (c, x, n) = (value.Parameters[0], value.Parameters[1], Expression.Parameter(typeof(decimal), "n"));
        var inForce = Splice.Body(thresholds, x);
        var isScored = Splice.And(Expression.Property(inForce, nameof(RfmThresholds.Exist)), Splice.Body(present, c, x));

        var score = Enumerable.Range(2, RecencyFrequencyValue.Scores - 1)
            .Select(Expression (s) => Expression.Condition(
                Splice.Body(reaches, value.Body, inForce, Expression.Constant((decimal)s)), Expression.Constant(1), Expression.Constant(0)))
            .Aggregate((Expression)Expression.Constant(1), Expression.Add);
        var missing = Expression.Constant(null, typeof(int?));
        var (atLeast, below) = (Test(reaches), Test(misses));
        var access = new OrderedAccess(
            Expression.Lambda(Expression.Condition(isScored, Expression.Convert(score, typeof(int?)), missing), c, x),
            Expression.Lambda(Expression.Not(isScored), c, x), atLeast, below, Next(atLeast), Next(below));
        return new RfmScore(access, c, x, isScored, score);

        Expression<Func<Customer, Evaluation, decimal, bool>> Test(Expression<Func<TValue, RfmThresholds, decimal, bool>> test) =>
            Expression.Lambda<Func<Customer, Evaluation, decimal, bool>>(
                Splice.And(isScored, Splice.Body(test, value.Body, inForce, n)), c, x, n);
    }

    private static LambdaExpression Group(RfmScore recency, RfmScore frequency, RfmScore monetary)
    {
        Expression<Func<int, int, int, int>> index = (r, f, m) => (25 * (r - 1)) + (5 * (f - 1)) + m - 1;
        var (c, x) = (recency.Customer, recency.Evaluation);
        var at = Splice.Body(index, recency.Score, Rebind(frequency), Rebind(monetary));
        var name = Expression.ArrayIndex(Literal<string[]>.Create(RfmGroups.ByScores), at);
        return Expression.Lambda<Func<Customer, Evaluation, string?>>(
            Expression.Condition(recency.IsScored, name, Expression.Constant(null, typeof(string))), c, x);

        Expression Rebind(RfmScore score) => Splice.Body(Expression.Lambda(score.Score, score.Customer, score.Evaluation), c, x);
    }

    private sealed record RfmScore(
        FieldAccess Access, ParameterExpression Customer, ParameterExpression Evaluation, Expression IsScored, Expression Score);
}
