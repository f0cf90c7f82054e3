using System.Globalization;
using System.Text.Json.Serialization;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Models.Purchases;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Predictions;

/// <summary>What the formulas of lifetime value are asked.</summary>
public sealed record FormulaRequest
{
    /// <summary>Which model of orders: that in force when left out with `parameters`, else `mbgNbd`.</summary>
    public FrequencyKind? Frequency { get; init; }

    /// <summary>r, alpha, a and b, and for amounts p, q and gamma: 1e-9 to 1e9. Those in force when left out.</summary>
    public LifetimeValueParameters? Parameters { get; init; }

    /// <summary>Customers, at most 1,000.</summary>
    [Needed]
    public IReadOnlyList<FormulaRow>? Rows { get; init; }
}

/// <summary>A customer.</summary>
/// <param name="Repeats">Days with an order after the first, 0 to 1,000,000.</param>
/// <param name="Last">The time from the first to the last, at most `T`; 0 without repeats.</param>
/// <param name="Age">The time from the first to now, at most 1e9.</param>
/// <param name="Ahead">The time ahead, at most 1e9.</param>
/// <param name="Mean">The mean of its amounts; with `n`.</param>
/// <param name="Count">How many amounts that is of, from 0; with `m`. Without both the amount is the mean over customers.</param>
public sealed record FormulaRow(
    [property: Needed, JsonPropertyName("x")] double? Repeats,
    [property: Needed, JsonPropertyName("tx")] double? Last,
    [property: Needed, JsonPropertyName("T")] double? Age,
    [property: Needed, JsonPropertyName("t")] double? Ahead,
    [property: JsonPropertyName("m")] double? Mean = null,
    [property: JsonPropertyName("n")] double? Count = null);

/// <summary>What the formulas say.</summary>
/// <param name="Frequency">The model of orders.</param>
/// <param name="Parameters">Its parameters.</param>
/// <param name="Rows">By row of the request.</param>
public sealed record FormulaAnswer(FrequencyKind Frequency, LifetimeValueParameters Parameters, IReadOnlyList<FormulaResult> Rows);

/// <summary>What the formulas say of a customer.</summary>
/// <param name="Alive">The probability that it has not stopped.</param>
/// <param name="None">The probability of no order within `t`.</param>
/// <param name="Orders">Days with an order expected within `t`.</param>
/// <param name="Amount">The amount expected of one; null without p, q and gamma, and where they have no mean.</param>
public sealed record FormulaResult(
    double Alive, double None, double Orders, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Amount);

/// <summary>The formulas of lifetime value alone.</summary>
public sealed class LifetimeValueFormulas(ModelVersions versions)
{
    private const int MaxRows = 1000;
    private const double Least = 1e-9, Most = 1e9, MostRepeats = 1e6;

    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    public async Task<FormulaAnswer> PredictAsync(FormulaRequest request, CancellationToken cancellation)
    {
        var (kind, parameters) = (request.Frequency ?? FrequencyKind.MbgNbd, request.Parameters);
        if (parameters is null)
        {
            var version = await versions.FindInForceAsync(LifetimeValueType.TypeName, cancellation) ?? throw ApiProblem.Invalid(
                "/parameters", "No version of lifetimeValue is in force: send parameters, or fit it first.");
            var (fitted, own) = LifetimeValueTrainer.Read(version);
            if (request.Frequency is { } asked && asked != fitted)
            {
                throw ApiProblem.Invalid("/frequency", "In force is the other frequency: send parameters with this one.");
            }

            (kind, parameters) = (fitted, own);
        }

        List<RuleError> errors = [];
        CheckParameters(parameters, errors);
        CheckRows(request.Rows, errors);
        if (errors.Count > 0)
        {
            throw ApiProblem.Invalid(errors);
        }

        var (frequency, spend) = (parameters.ToFrequency(kind), parameters.ToSpend());
        return new FormulaAnswer(kind, parameters, [.. request.Rows!.Select(Predict)]);

        FormulaResult Predict(FormulaRow row)
        {
            var history = new PurchaseHistory(row.Repeats!.Value, row.Last!.Value, row.Age!.Value);
            var (count, time) = (row.Count ?? 0, row.Ahead!.Value);
            var hasMean = spend is not null && (spend.P * count) + spend.Q > 1;
            return new FormulaResult(
                frequency.Alive(history), frequency.None(history, time), frequency.Orders(history, time),
                hasMean ? spend!.Expect(count, row.Mean ?? 0) : null);
        }
    }

    private static void CheckParameters(LifetimeValueParameters p, List<RuleError> errors)
    {
        foreach (var (name, value) in new[] { ("r", p.R), ("alpha", p.Alpha), ("a", p.A), ("b", p.B) })
        {
            if (value is null)
            {
                errors.Add(new RuleError($"/parameters/{name}", $"{name} is needed: r, alpha, a and b are."));
            }
        }

        if ((p.P, p.Q, p.Gamma) is not ((null, null, null) or (not null, not null, not null)))
        {
            errors.Add(new RuleError("/parameters", "p, q and gamma come together, or not at all."));
        }

        errors.AddRange(
            new[] { ("r", p.R), ("alpha", p.Alpha), ("a", p.A), ("b", p.B), ("p", p.P), ("q", p.Q), ("gamma", p.Gamma) }
                .Where(v => v.Item2 is < Least or > Most)
                .Select(v => new RuleError($"/parameters/{v.Item1}", $"{v.Item1} must be above 0: from 1e-9 to 1e9.")));
    }

    private static void CheckRows(IReadOnlyList<FormulaRow>? rows, List<RuleError> errors)
    {
        if (rows is null || rows.Count > MaxRows)
        {
            errors.Add(new RuleError("/rows", $"rows must be a list of at most {MaxRows} customers."));
            return;
        }

        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i] is not { } row)
            {
                errors.Add(new RuleError($"/rows/{i}", "A row is an object: {\"x\",\"tx\",\"T\",\"t\",\"m\"?,\"n\"?}."));
                continue;
            }

            var pointer = string.Create(CultureInfo.InvariantCulture, $"/rows/{i}");
            Require(
                row.Repeats is { } repeats and >= 0 and <= MostRepeats && double.IsInteger(repeats), "x",
                "x must be a whole number from 0 to 1000000.");
            Require(row.Age is >= 0 and <= Most, "T", "T must be a number from 0 to 1e9.");
            Require(row.Last is >= 0 && !(row.Last > row.Age), "tx", "tx must be a number from 0 to T.");
            Require(!(row.Repeats == 0 && row.Last > 0), "tx", "Without repeated orders (x is 0) tx is 0.");
            Require(row.Ahead is >= 0 and <= Most, "t", "t must be a number from 0 to 1e9.");
            Require(row.Count is null or (>= 0 and <= MostRepeats), "n", "n must be a number from 0 to 1000000.");
            Require(row.Mean is null or (>= 0 and <= 1e15), "m", "m must be a number from 0 to 1e15.");
            Require(row.Mean is null || row.Count is not null, "n", "m needs n: how many amounts it is the mean of.");
            Require(row.Mean is not null || row.Count is null or 0, "m", "n needs m: the mean of so many amounts.");

            void Require(bool holds, string name, string message)
            {
                if (!holds)
                {
                    errors.Add(new RuleError($"{pointer}/{name}", message));
                }
            }
        }
    }
}
