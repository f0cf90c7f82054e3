using System.Linq.Expressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>
/// Sentiment: as of now a comparison of stored means, of which the clock says which one counts, so that it is exact whenever feedback gets
/// too old; for an instant in the past it is counted again.
/// </summary>
public sealed partial class CustomerFields
{
    private static Field Sentiment(bool historical)
    {
        const string name = "psychographic.sentiment", label = "Sentiment",
            about = "-1 to 1, three decimals: the mean of the last five pieces of feedback with a sentiment, of the last 365 days.";
        if (historical)
        {
            return Field(
                name, FieldType.Decimal, label, about,
                (c, x) => Exact.RoundSentiment(c.Events
                    .Where(e => e.Sentiment != null && e.OccurredAt <= x.AsOf && e.OccurredAt > x.DaysAgo(RecentSentiment.Days))
                    .OrderByDescending(e => e.OccurredAt).ThenByDescending(e => e.Sentiment)
                    .Take(RecentSentiment.Count).Average(e => e.Sentiment)));
        }

        var (c, x, n) = (Expression.Parameter(typeof(Customer), "c"), Expression.Parameter(typeof(Evaluation), "x"),
            Expression.Parameter(typeof(decimal), "n"));
        Expression<Func<Evaluation, DateTimeOffset?>> oldest = e => e.DaysAgo(RecentSentiment.Days);
        var (since, number) = (Splice.Body(oldest, x), Expression.Convert(n, typeof(decimal?)));
        var missing = Old(1);
        Expression value = Expression.Constant(null, typeof(decimal?));
        for (var k = 1; k <= RecentSentiment.Count; k++)
        {
            value = Expression.Condition(Recent(k), Mean(k), value);
        }

        return new(name, Kind(name), FieldType.Decimal, label, about, new OrderedAccess(
            Expression.Lambda(value, c, x), Expression.Lambda(missing, c, x),
            Test(Expression.GreaterThanOrEqual), Test(Expression.LessThan),
            Test(Expression.GreaterThan), Test(Expression.LessThanOrEqual)));

        Expression At(int k) => Expression.Property(c, $"SentimentAt{k}");

        Expression Mean(int k) => Expression.Property(c, $"SentimentMean{k}");

        Expression Recent(int k) => Expression.GreaterThan(At(k), since);

        Expression Old(int k) => Splice.Or(
            Expression.Equal(At(k), Expression.Constant(null, typeof(DateTimeOffset?))), Expression.LessThanOrEqual(At(k), since));

        // The mean of as many as are recent: of k where the k-th is and the next one is not.
        LambdaExpression Test(Func<Expression, Expression, Expression> compare) => Expression.Lambda(
            Splice.Or([.. Enumerable.Range(1, RecentSentiment.Count).Select(k => k == RecentSentiment.Count
                ? Splice.And(compare(Mean(k), number), Recent(k))
                : Splice.And(compare(Mean(k), number), Recent(k), Old(k + 1)))]),
            c, x, n);
    }
}
