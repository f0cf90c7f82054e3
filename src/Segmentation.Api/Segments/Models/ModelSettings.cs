using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Models.Purchases;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>
/// What a model is told: which of these there are depends on its type, and another is a 400. What is left out is set to its default.
/// </summary>
public sealed record ModelSettings
{
    /// <summary>What it predicts; left out it is that of the model at this key.</summary>
    [JsonPropertyOrder(-1)]
    public string? Type { get; init; }

    /// <summary>`lifetimeValue`: which model of orders; `mbgNbd` when left out.</summary>
    public FrequencyKind? Frequency { get; init; }

    /// <summary>`lifetimeValue`: without an order for so many days a customer has churned, 1 to 3650; 90 when left out.</summary>
    public int? ChurnDays { get; init; }

    /// <summary>`lifetimeValue`: what the same is worth less in a year, 0 to 10; 0.1 (10 %) when left out.</summary>
    public decimal? DiscountRate { get; init; }

    /// <summary>`lifetimeValue`: the share of amounts that is earned, more than 0 and at most 1; 1 when left out.</summary>
    public decimal? Margin { get; init; }

    /// <summary>`propensity`: what it is called, 1 to 200 characters.</summary>
    public string? Name { get; init; }

    /// <summary>`propensity`: the events whose probability it tells, a group of rules over one event as in `behavioral.events`.</summary>
    public JsonElement? Goal { get; init; }

    /// <summary>`propensity`: at least one of them within so many days, 1 to 365; 30 when left out.</summary>
    public int? WithinDays { get; init; }

    /// <summary>`propensity`: the key of the segment whose members it is about; everybody when left out.</summary>
    public string? Population { get; init; }

    /// <summary>`propensity`: attributes that it reads too, as `attributes.plan`, at most 20. They stand as they are today, and could tell
    /// the future: name only those that the goal does not change.</summary>
    public IReadOnlyList<string>? Features { get; init; }

    /// <summary>After so many days it is fitted anew, 1 to 365; 7 when left out.</summary>
    public int? RefitDays { get; init; }

    /// <summary>The fields that a propensity is told to read, by the names that rules have for them.</summary>
    internal IEnumerable<string> ListFields() =>
        (Features ?? []).Concat(Goal is { } goal ? RuleReferences.Fields(goal) : []);
}
