using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Segmentation.Api.Data;

/// <summary>A rate that requests are held to, of each key or subject by itself.</summary>
public enum RateName
{
    /// <summary>Every request.</summary>
    [Description("Every request; an array of events costs one more for each hundred.")]
    Default,

    /// <summary>What evaluates rules over all customers.</summary>
    [Description("Requests of the class `Heavy`, besides.")]
    Heavy,

    /// <summary>Imports and downloads.</summary>
    [Description("Imports and downloads, besides.")]
    Transfer,

    /// <summary>Tests of webhooks, each of which calls somebody else.</summary>
    [Description("Tests of webhooks, besides.")]
    WebhookTest,

    /// <summary>Credentials that are refused, of an address.</summary>
    [Description("Keys and tokens that are refused, of each address; then its next ones are not looked at.")]
    Refused,
}

/// <summary>The rates.</summary>
public sealed class RateLimits
{
    [ValidateObjectMembers]
    public Rate Default { get; init; } = new() { PerSecond = 100, Burst = 200 };

    [ValidateObjectMembers]
    public Rate Heavy { get; init; } = new() { PerSecond = 5, Burst = 10 };

    [ValidateObjectMembers]
    public Rate Transfer { get; init; } = new() { PerSecond = 1, Burst = 5 };

    [ValidateObjectMembers]
    public Rate WebhookTest { get; init; } = new() { PerSecond = 1, Burst = 1 };

    [ValidateObjectMembers]
    public Rate Refused { get; init; } = new() { PerSecond = 1 / 6.0, Burst = 10 };

    /// <summary>A rate by its name.</summary>
    public Rate this[RateName name] => name switch
    {
        RateName.Default => Default,
        RateName.Heavy => Heavy,
        RateName.Transfer => Transfer,
        RateName.WebhookTest => WebhookTest,
        RateName.Refused => Refused,
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };
}

/// <summary>A bucket of tokens: each request takes one, and they come again at a rate.</summary>
public sealed record Rate
{
    [Description("Requests a second, of each key, in the long run. One more is a 429.")]
    [Range(0.001, 1_000_000)]
    public double PerSecond { get; init; }

    [Description("Requests of a key that may come all at once, after a pause.")]
    [Range(1, 1_000_000)]
    public int Burst { get; init; }
}
