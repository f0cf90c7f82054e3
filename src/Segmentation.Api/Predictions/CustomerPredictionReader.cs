using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Models.Purchases;

namespace Segmentation.Api.Predictions;

/// <summary>Reads what is predicted of a customer, with what it comes from.</summary>
public sealed class CustomerPredictionReader(
    SegmentationDb db, PropensityReader propensities, PredictionOptions options, TimeProvider time)
{
    private const int MostReasons = 5;

    private static readonly int[] Horizons = [30, 90, 365];

    /// <param name="id">The customer's.</param>
    /// <param name="hidden">What the caller must not see.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ApiProblem">404: there is no such customer.</exception>
    public async Task<CustomerPredictions> ReadAsync(string id, SensitiveFields hidden, CancellationToken cancellation)
    {
        var customer = await db.Customers.AsNoTracking().Where(c => c.Id == id).Select(c => new { c.Key, c.OrderCount, c.Scores })
            .SingleOrDefaultAsync(cancellation) ?? throw ApiProblem.NotFound("customer");
        var scores = customer.Scores;
        var version = scores?.Version is { } number
            ? await db.ModelVersions.AsNoTracking().SingleOrDefaultAsync(
                v => v.ModelKey == LifetimeValueType.TypeName && v.Version == number, cancellation)
            : null;
        var others = await ListPropensitiesAsync(customer.Key, scores, hidden, cancellation);
        if (scores is null || version is null)
        {
            return new CustomerPredictions(id, scores?.ScoredOn, null, null, others, others.Count > 0 ? null : customer.OrderCount == 0
                ? "It has no order, and of nobody without one is anything predicted."
                : "It was not scored since a version of lifetimeValue is in force: GET /api/v1/models/lifetimeValue says whether one is.");
        }

        const double week = LifetimeValueModel.Week;
        var inputs = new PredictionInputs(
            scores.Repeats!.Value, scores.RecencyDays!.Value / week, scores.AgeDays!.Value / week, scores.PaidRepeats!.Value,
            scores.MeanAmount!.Value);
        return new CustomerPredictions(
            id, scores.ScoredOn, scores.Version, inputs, [.. List(id, scores, LifetimeValueTrainer.ToModel(version)), .. others],
            null);
    }

    private async Task<List<CustomerPrediction>> ListPropensitiesAsync(
        long key, CustomerScores? scores, SensitiveFields hidden, CancellationToken cancellation)
    {
        // Whether there is one is hidden, too.
        List<CustomerPrediction> found = [.. hidden.Scores.Select(CustomerPrediction.Hide)];
        if (scores?.Propensities is not { } stored)
        {
            return found;
        }

        // A context goes back to its pool with a connection that is closed.
        await using var transaction = await db.BeginAsync(cancellation);
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        foreach (var model in await PropensityInForce.ListAsync(db, cancellation))
        {
            var field = PropensityName.Prefix + model.Key;
            if (hidden.Includes(field) || JsonValue.Number(stored, model.Key) is not { } probability)
            {
                continue;
            }

            var parameters = model.ReadParameters();
            var scorer = parameters.Model.Bind(parameters.Features.ListNames());
            var rows = propensities.ReadAsync(
                connection, [key], model.Settings, parameters.Features, model.FindMoment(time.GetUtcNow(), options), cancellation);
            await foreach (var row in rows)
            {
                found.Add(new CustomerPrediction(
                    field, probability, null,
                    $"{model.Settings.Name}: {Percent(probability)} within {Count(model.Settings.WithinDays!.Value, "day")}.",
                    [.. scorer.Explain(row.Values, MostReasons).Select(PropensityReason.From)]));
            }
        }

        found.Sort((one, other) => string.CompareOrdinal(one.Field, other.Field));
        return found;
    }

    private static IEnumerable<CustomerPrediction> List(string id, CustomerScores scores, LifetimeValueModel model)
    {
        var (repeats, silent) = (scores.Repeats!.Value, scores.AgeDays!.Value - scores.RecencyDays!.Value);
        var habit = repeats == 0
            ? FormattableString.Invariant($"It ordered on one day, {Count(silent, "day")} ago.")
            : FormattableString.Invariant(
                $"It ordered on {repeats + 1} days, every {Math.Round((double)scores.RecencyDays.Value / repeats, 1)} days on average, ")
                + $"the last time {Count(silent, "day")} ago.";
        if (scores.AliveProbability is { } alive)
        {
            yield return new("predicted.aliveProbability", alive, null, FormattableString.Invariant(
                $"{habit} That it has not stopped ordering has a probability of {Percent(alive)}."));
        }

        if (scores.ChurnRisk is { } churn)
        {
            yield return new("predicted.churnRisk", churn, null, FormattableString.Invariant(
                $"That it does not order within {model.ChurnDays} days, stopped or not, has a probability of {Percent(churn)}."));
        }

        foreach (var (days, orders) in Horizons.Zip([scores.Orders30, scores.Orders90, scores.Orders365]))
        {
            if (orders is { } expected)
            {
                var history = new PurchaseHistory(
                    repeats, scores.RecencyDays.Value / LifetimeValueModel.Week, scores.AgeDays.Value / LifetimeValueModel.Week);
                var (low, high) = model.Frequency.OrdersInterval(history, days / LifetimeValueModel.Week, Seed(id, days));
                yield return new($"predicted.orders{days}", expected, [low, high], FormattableString.Invariant(
                    $"Within {days} days, {Math.Round(expected, 2)} days with an order are expected; in 80 % of cases {low} to {high}."));
            }
        }

        if (scores.AverageOrderValue is { } amount)
        {
            var known = scores.PaidRepeats > 0
                ? FormattableString.Invariant(
                    $"its {Count(scores.PaidRepeats.Value, "repeated order")} had {Math.Round(scores.MeanAmount!.Value, 2)} on average, ")
                    + "and the fewer they are, the more all customers' mean weighs"
                : "it has no repeated order with an amount, so it is all customers' mean";
            yield return new("predicted.averageOrderValue", amount, null, FormattableString.Invariant(
                $"{Math.Round(amount, 2)} a day with an order: {known}."));
        }

        if (scores.LifetimeValue is { } value)
        {
            yield return new("predicted.lifetimeValue", value, null, FormattableString.Invariant(
                $"Twelve months' expected orders at that amount, of which {Percent((decimal)model.NetFactor)} is not refunded and ")
                + FormattableString.Invariant(
                $"{Percent((decimal)model.Margin)} is earned, later ones less by {Percent((decimal)model.DiscountRate)} a year."));
        }

        if (scores.ValuePercentile is { } percentile)
        {
            yield return new("predicted.valuePercentile", percentile, null, FormattableString.Invariant(
                $"Its predicted lifetime value is above that of {Math.Round(percentile, 1)} % of the others who have one."));
        }
    }

    private static string Count(int number, string what) => FormattableString.Invariant($"{number} {what}{(number == 1 ? "" : "s")}");

    private static string Percent(decimal share) => FormattableString.Invariant($"{Math.Round(100 * share, 1):0.#} %");

    // The same customer has the same draws, on every machine.
    private static int Seed(string id, int days) =>
        BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"1 {days} {id}")));
}
