using System.ComponentModel;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>Who the customer is.</summary>
public sealed class DemographicResource
{
    /// <summary>Whole years, today in UTC.</summary>
    [ReadOnly(true)]
    public int? Age { get; set; }

    /// <summary>A date, not in the future: 1990-05-13.</summary>
    public DateOnly? BirthDate { get; set; }

    /// <summary>Free text.</summary>
    public string? Gender { get; set; }

    /// <summary>Free text, such as Master.</summary>
    public string? Education { get; set; }

    /// <summary>Free text.</summary>
    public string? Occupation { get; set; }

    /// <summary>Free text, such as Married.</summary>
    public string? MaritalStatus { get; set; }

    /// <summary>Free text; BCP 47 by custom.</summary>
    public string? Language { get; set; }

    /// <summary>Income per year, in the account's currency.</summary>
    public decimal? Income { get; set; }

    /// <summary>People in the household.</summary>
    public int? HouseholdSize { get; set; }

    /// <summary>Children in the household.</summary>
    public int? Children { get; set; }
}

/// <summary>Where the customer is.</summary>
public sealed class GeographicResource
{
    /// <summary>Two letters (ISO 3166-1 alpha-2), such as DE.</summary>
    public string? Country { get; set; }

    /// <summary>Free text: a state or province.</summary>
    public string? Region { get; set; }

    /// <summary>Free text.</summary>
    public string? City { get; set; }

    /// <summary>As it is written on a letter.</summary>
    public string? PostalCode { get; set; }

    /// <summary>The IANA name of a time zone, such as Europe/Berlin.</summary>
    public string? TimeZone { get; set; }

    /// <summary>tropical, arid, temperate, continental or polar.</summary>
    public string? Climate { get; set; }
    public LocationResource? Location { get; set; }
}

/// <summary>A place in degrees.</summary>
public sealed class LocationResource
{
    /// <summary>-90 to 90.</summary>
    [AlwaysAnswered]
    [Needed]
    public double? Latitude { get; set; }

    /// <summary>-180 to 180.</summary>
    [AlwaysAnswered]
    [Needed]
    public double? Longitude { get; set; }

    internal static LocationResource? From(Geographic geographic) =>
        geographic is { Latitude: { } latitude, Longitude: { } longitude } ? new() { Latitude = latitude, Longitude = longitude } : null;
}

/// <summary>What the customer cares for.</summary>
public sealed class PsychographicResource
{
    /// <summary>What the customer is interested in.</summary>
    [AlwaysAnswered]
    public string?[]? Interests { get; set; }

    /// <summary>What the customer holds dear.</summary>
    [AlwaysAnswered]
    public string?[]? Values { get; set; }

    /// <summary>Such as Early adopter.</summary>
    [AlwaysAnswered]
    public string?[]? Attitudes { get; set; }

    /// <summary>What the customer buys for, such as Status.</summary>
    [AlwaysAnswered]
    public string?[]? Motivations { get; set; }

    /// <summary>Free text, such as Urban.</summary>
    public string? Lifestyle { get; set; }

    /// <summary>Free text.</summary>
    public string? Personality { get; set; }

    /// <summary>How the last five pieces of feedback with a sentiment were felt on average, of the last 365 days: -1 to 1, three
    /// decimals; missing without any.</summary>
    [ReadOnly(true)]
    public decimal? Sentiment { get; set; }
}

/// <summary>A standing consent.</summary>
public sealed class ConsentResource
{
    /// <summary>True: given; false: withdrawn.</summary>
    [AlwaysAnswered]
    [Needed]
    public bool? Granted { get; set; }

    /// <summary>When it was given or withdrawn; now when left out.</summary>
    [AlwaysAnswered]
    public DateTimeOffset? At { get; set; }
}

/// <summary>What orders and refunds add up to.</summary>
public sealed class ValueResource
{
    /// <summary>The gross amount of orders less refunds, in the account's currency.</summary>
    [AlwaysAnswered]
    public decimal? LifetimeValue { get; set; }

    /// <summary>The gross amount of orders divided by their number; missing without orders.</summary>
    public decimal? AverageOrderValue { get; set; }

    /// <summary>How many orders there were.</summary>
    [AlwaysAnswered]
    public int? OrderCount { get; set; }

    /// <summary>When the first order was made; missing without orders.</summary>
    public DateTimeOffset? FirstOrderAt { get; set; }

    /// <summary>When the last order was made; missing without orders.</summary>
    public DateTimeOffset? LastOrderAt { get; set; }

    /// <summary>Whole periods of 24 hours since the last order; missing without orders.</summary>
    public int? DaysSinceLastOrder { get; set; }

    /// <summary>How recent the last order is, 1 to 5 by the thresholds of now; missing without orders and before the first analysis.
    /// </summary>
    public int? RfmRecency { get; set; }

    /// <summary>How many orders there are, likewise.</summary>
    public int? RfmFrequency { get; set; }

    /// <summary>How high the lifetime value is, likewise.</summary>
    public int? RfmMonetary { get; set; }

    /// <summary>What customers of like scores are called, from champions to lost.</summary>
    public string? RfmGroup { get; set; }
}

/// <summary>What events add up to.</summary>
public sealed class BehavioralResource
{
    /// <summary>When the last event occurred; missing without events.</summary>
    public DateTimeOffset? LastEventAt { get; set; }

    /// <summary>How many events there were.</summary>
    [AlwaysAnswered]
    public int? EventCount { get; set; }

    /// <summary>When feedback was last given; missing without any.</summary>
    public DateTimeOffset? LastFeedbackAt { get; set; }

    /// <summary>Days since the last active day / mean days between active days, at the last scoring; missing below four active days.
    /// </summary>
    public decimal? Silence { get; set; }
}

/// <summary>What models expect of the customer: scored daily, and soon after own events.</summary>
public sealed class PredictedResource
{
    /// <summary>0 to 1: the probability that further orders are to come at all.</summary>
    public decimal? AliveProbability { get; set; }

    /// <summary>0 to 1: the probability that no order comes within the model's <c>churnDays</c>.</summary>
    public decimal? ChurnRisk { get; set; }

    /// <summary>Expected orders in the next 30 days.</summary>
    public decimal? Orders30 { get; set; }

    /// <summary>Expected orders in the next 90 days.</summary>
    public decimal? Orders90 { get; set; }

    /// <summary>Expected orders in the next 365 days.</summary>
    public decimal? Orders365 { get; set; }

    /// <summary>Expected amount of an order, in the account's currency.</summary>
    public decimal? AverageOrderValue { get; set; }

    /// <summary>Expected value of the next twelve months, discounted, in the account's currency.</summary>
    public decimal? LifetimeValue { get; set; }

    /// <summary>0 to 100, by the predicted lifetime value at the scoring.</summary>
    public decimal? ValuePercentile { get; set; }

    /// <summary>0 to 1: the probabilities of the goals of models of propensity, by the models' keys.</summary>
    public IReadOnlyDictionary<string, decimal>? Propensity { get; set; }

    /// <summary>The day whose scores they are.</summary>
    [AlwaysAnswered]
    public DateOnly? ScoredOn { get; set; }

    /// <summary>The version of the model of lifetime value.</summary>
    public int? Version { get; set; }

    internal static PredictedResource? From(CustomerScores? scores) => scores?.Version is null && scores?.Propensities is null
        ? null
        : new PredictedResource
        {
            AliveProbability = scores.AliveProbability,
            ChurnRisk = scores.ChurnRisk,
            Orders30 = scores.Orders30,
            Orders90 = scores.Orders90,
            Orders365 = scores.Orders365,
            AverageOrderValue = scores.AverageOrderValue,
            LifetimeValue = scores.LifetimeValue,
            ValuePercentile = scores.ValuePercentile,
            Propensity = scores.Propensities?.Deserialize<Dictionary<string, decimal>>(),
            ScoredOn = scores.ScoredOn,
            Version = scores.Version,
        };
}
