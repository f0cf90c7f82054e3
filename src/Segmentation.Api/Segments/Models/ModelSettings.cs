using System.Text.Json.Serialization;
using Segmentation.Models.Purchases;

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

    /// <summary>After so many days it is fitted anew, 1 to 365; 7 when left out.</summary>
    public int? RefitDays { get; init; }
}
