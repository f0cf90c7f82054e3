using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Predictions;

/// <summary>What is predicted of a customer, and why.</summary>
/// <param name="Id">The customer's id.</param>
/// <param name="ScoredOn">The day that its scores are of; null where it has none.</param>
/// <param name="Version">The version of `lifetimeValue` that they are by; null without one, or without an order.</param>
/// <param name="Inputs">What the formulas were given; left out where nothing was predicted.</param>
/// <param name="Items">Each predicted field that the customer has.</param>
/// <param name="Text">Why there is nothing, where there is nothing.</param>
public sealed record CustomerPredictions(
    string Id,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateOnly? ScoredOn,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? Version,
    PredictionInputs? Inputs,
    IReadOnlyList<CustomerPrediction> Items,
    string? Text);

/// <summary>What the formulas were given: a row of `POST /models/lifetimeValue/predict`, but for `t`.</summary>
/// <param name="Repeats">Days with an order after the first.</param>
/// <param name="Last">Weeks from the first such day to the last.</param>
/// <param name="Age">Weeks from the first to the day of scoring.</param>
/// <param name="Count">How many of the days after the first have an amount above 0.</param>
/// <param name="Mean">The mean amount of these days; 0 without any.</param>
public sealed record PredictionInputs(
    [property: JsonPropertyName("x")] int Repeats,
    [property: JsonPropertyName("tx")] double Last,
    [property: JsonPropertyName("T")] double Age,
    [property: JsonPropertyName("n")] int Count,
    [property: JsonPropertyName("m")] decimal Mean);

/// <summary>A predicted field of a customer.</summary>
/// <param name="Field">Its name in rules.</param>
/// <param name="Value">Its value, as rules compare it; `"***"`, as `text`, where it is of a sensitive field, and without the scope
/// `privacy`, whether there is one or not.</param>
/// <param name="Interval">Of orders: how many it will be in 80 % of all cases, from 10,000 draws of the posterior distribution.</param>
/// <param name="Text">Why, in words.</param>
/// <param name="Reasons">Of a propensity: the five greatest terms of its score, as the customer is now.</param>
public sealed record CustomerPrediction(
    string Field,
    [property: JsonConverter(typeof(HiddenNumber)), JsonIgnore(Condition = JsonIgnoreCondition.Never)] decimal? Value,
    IReadOnlyList<int>? Interval,
    string Text,
    IReadOnlyList<PropensityReason>? Reasons = null)
{
    /// <summary>One that the caller must not see.</summary>
    internal static CustomerPrediction Hide(string field) => new(field, null, null, SensitiveFields.Mask);
}

/// <summary>Writes <see cref="SensitiveFields.Mask"/> where there is no number.</summary>
internal sealed class HiddenNumber : JsonConverter<decimal?>
{
    public override bool HandleNull => true;

    public override decimal? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number ? reader.GetDecimal() : null;

    public override void Write(Utf8JsonWriter writer, decimal? value, JsonSerializerOptions options)
    {
        if (value is { } number)
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteStringValue(SensitiveFields.Mask);
        }
    }
}
