using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Events;
using Segmentation.Api.Http;

namespace Segmentation.Api.Segments;

/// <summary>
/// A metric: a measure over customers' events, in the rule language. Read-only properties are ignored in requests.
/// </summary>
public sealed record MetricResource
{
    /// <summary>Its key, from the address.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public string? Key { get; init; }

    /// <summary>Its name; the key when left out.</summary>
    [AlwaysAnswered]
    public string? Name { get; init; }

    /// <summary>What is measured: <c>conversion</c> (whether there is such an event), <c>count</c> (how many), <c>sum</c> (of
    /// <c>of</c>), <c>ratio</c> (the sum of <c>of</c>, or the count, over the same of <c>denominator</c>) or <c>time</c> (seconds between
    /// consecutive events that are at most 30 minutes apart).</summary>
    [AlwaysAnswered]
    [Needed]
    public MetricKind? Kind { get; init; }

    /// <summary>Which events: a group of rules over one event, as in <c>behavioral.events</c>. Their local hours and days are the
    /// customer's, else UTC.</summary>
    [AlwaysAnswered]
    [Needed]
    public JsonElement? Event { get; init; }

    /// <summary>What is summed: <c>amount</c>, <c>sentiment</c> or <c>properties.NAME</c>; only of a sum, which needs it, and of a ratio.
    /// An event without it counts, and adds nothing.</summary>
    public string? Of { get; init; }

    /// <summary>What a ratio is by; only of a ratio, which needs it.</summary>
    public MetricDenominator? Denominator { get; init; }

    /// <summary>What is good: <c>increase</c> or <c>decrease</c>.</summary>
    [AlwaysAnswered]
    [Needed]
    public MetricGoal? Goal { get; init; }

    /// <summary>For experiments: how long after an exposure events count. Performance, retention and portfolio count by their own
    /// periods.</summary>
    public MetricWindow? Window { get; init; }

    /// <summary>For experiments: larger values of a customer are lowered to it. A sum or time that says nothing has the percentile 99.9;
    /// null is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public MetricCap? Cap
    {
        get;
        init => (field, SaysCap) = (value, true);
    }

    /// <summary>Whether it is built in: such a metric can't be changed or deleted.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public bool? BuiltIn { get; init; }

    /// <summary>When it was created; missing of one that is built in.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last written; missing of one that is built in.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; init; }

    /// <summary>Of the built-in metric of it: which events are orders, and which refunds lower the value; null for others.</summary>
    internal RevenueOptions? Revenue { get; init; }

    // A cap of null is none; without a word there may be one.
    private bool SaysCap { get; init; }

    /// <summary>As it is kept: the event as the language spells it, and the cap that holds.</summary>
    internal MetricResource Normalize(string key, JsonElement? events, JsonElement? denominator) => new()
    {
        Name = string.IsNullOrWhiteSpace(Name) ? key : Name.Trim(),
        Kind = Kind,
        Event = events,
        Of = Of,
        Denominator = Denominator is null ? null : Denominator with { Event = denominator },
        Goal = Goal,
        Window = Window,
        Cap = !SaysCap && Kind is MetricKind.Sum or MetricKind.Time ? new MetricCap(MetricCap.DefaultPercentile, null) : Cap,
    };
}

/// <summary>What a metric is of a customer.</summary>
public enum MetricKind { Conversion, Count, Sum, Ratio, Time }

/// <summary>Which change of a metric is good.</summary>
public enum MetricGoal { Increase, Decrease }

/// <summary>What a ratio is by.</summary>
/// <param name="Event">Which events: a group of rules over one event.</param>
/// <param name="Of">What is summed of them: <c>amount</c>, <c>sentiment</c> or <c>properties.NAME</c>; they are counted when left
/// out.</param>
public sealed record MetricDenominator([property: Needed] JsonElement? Event, string? Of = null);

/// <summary>A length of time: a minute to 90 days.</summary>
/// <param name="Amount">From 1.</param>
/// <param name="Unit"><c>minute</c>, <c>hour</c> or <c>day</c>.</param>
public sealed record MetricWindow([property: Needed] int? Amount, [property: Needed] MetricUnit? Unit)
{
    /// <summary>The longest.</summary>
    public const int MaxDays = 90;

    /// <summary>Whether it is from a minute to 90 days.</summary>
    internal bool Fits => Amount >= 1 && Amount <= MaxDays * Unit switch
    {
        MetricUnit.Minute => 24 * 60,
        MetricUnit.Hour => 24,
        MetricUnit.Day => 1,
        _ => 0,
    };
}

/// <summary>A unit of a metric's window.</summary>
public enum MetricUnit { Minute, Hour, Day }

/// <summary>What larger values are lowered to: one of the two.</summary>
/// <param name="Percentile">More than 0 and less than 100: that of all customers' values that are not 0.</param>
/// <param name="Value">More than 0.</param>
public sealed record MetricCap(decimal? Percentile = null, decimal? Value = null)
{
    /// <summary>That of sums and times.</summary>
    public const decimal DefaultPercentile = 99.9m;

    /// <summary>Whether it is one of the two, within its bounds.</summary>
    internal bool Fits => (Percentile, Value) is ( > 0 and < 100, null) or (null, > 0);
}
