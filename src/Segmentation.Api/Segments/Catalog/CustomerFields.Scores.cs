using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>
/// What scoring has stored of a customer. It stands as it is, whatever instant a rule is evaluated at: the clock of scores is the day.
/// </summary>
public sealed partial class CustomerFields
{
    private static Field Silence(Backend backend) => Score(
        backend, "behavioral.silence", "Silence",
        "Days since the last active day / mean days between active days, at the daily scoring and after own events: 3 is silent three "
            + "times longer than usual for this customer. Missing below four active days.",
        s => s.Silence);

    private static IEnumerable<Field> Predictions(Backend backend) =>
    [
        Prediction(
            backend, "aliveProbability", "Probability of being alive", "0 to 1: the probability that further orders are to come at all.",
            s => s.AliveProbability) with { Range = (0, 1) },
        Prediction(
            backend, "churnRisk", "Churn risk", "0 to 1: the probability that no order comes within the model's churnDays.",
            s => s.ChurnRisk) with { Range = (0, 1) },
        Prediction(backend, "orders30", "Orders in 30 days", "Expected orders in the next 30 days.", s => s.Orders30),
        Prediction(backend, "orders90", "Orders in 90 days", "Expected orders in the next 90 days.", s => s.Orders90),
        Prediction(backend, "orders365", "Orders in 365 days", "Expected orders in the next 365 days.", s => s.Orders365),
        Prediction(
            backend, "averageOrderValue", "Predicted order value", "Expected amount of an order, in account currency.",
            s => s.AverageOrderValue),
        Prediction(
            backend, "lifetimeValue", "Predicted lifetime value",
            "Expected value of the next twelve months, discounted, in account currency.", s => s.LifetimeValue),
        Prediction(
            backend, "valuePercentile", "Predicted value percentile",
            "0 to 100: 100 × customers with a smaller predicted lifetime value / (those with one − 1), at the scoring.",
            s => s.ValuePercentile) with { Range = (0, 100) },
    ];

    private static Field Prediction(
        Backend backend, string name, string label, string description, Expression<Func<CustomerScores, decimal?>> score) =>
        Score(backend, $"predicted.{name}", label, $"{description} Missing without a model or an order.", score) with
        {
            Kind = "value",
            Group = "predicted",
        };

    // A line that each model of propensity adds.
    private static Field Propensity(Backend backend, PropensityName model)
    {
        var scores = Expression.Parameter(typeof(CustomerScores), "s");
        Expression<Func<JsonElement?, string, decimal?>> read = (d, n) => JsonValue.Number(d, n);
        var value = Splice.Body(
            read, Expression.Property(scores, nameof(CustomerScores.Propensities)), Expression.Constant(model.Key));
        return Score(
            backend, $"{PropensityName.Prefix}{model.Key}", model.Name,
            "0 to 1: the probability of the model's goal within its days, at the daily scoring and after own events. Missing without a "
                + "version in force.",
            Expression.Lambda<Func<CustomerScores, decimal?>>(value, scores)) with
        {
            Kind = "value",
            Group = "predicted",
            Range = (0, 1),
        };
    }

    // In SQL a customer without scores has a row of nulls beside it; in memory it has none.
    private static Field Score(
        Backend backend, string name, string label, string description, Expression<Func<CustomerScores, decimal?>> score)
    {
        var (c, x) = (Expression.Parameter(typeof(Customer), "c"), Expression.Parameter(typeof(Evaluation), "x"));
        var scores = Expression.Property(c, nameof(Customer.Scores));
        var value = Splice.Body(score, scores);
        if (backend == Backend.Memory)
        {
            var isMissing = Expression.Equal(scores, Expression.Constant(null, typeof(CustomerScores)));
            value = Expression.Condition(isMissing, Expression.Constant(null, typeof(decimal?)), value);
        }

        var access = new ScalarAccess(Expression.Lambda<Func<Customer, Evaluation, decimal?>>(value, c, x));
        return new Field(name, Kind(name), FieldType.Decimal, label, description, access);
    }
}
