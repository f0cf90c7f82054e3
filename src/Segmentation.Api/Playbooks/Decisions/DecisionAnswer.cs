using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Experiments;

namespace Segmentation.Api.Playbooks;

/// <summary>What a visitor gets.</summary>
/// <param name="Decisions">One for each placement, in the order asked for; by key where none were named.</param>
/// <param name="Known">Whether the customer is stored.</param>
/// <param name="EvaluatedAt">The instant that it was decided as of.</param>
/// <param name="EventsApplied">False where a customer has too many events for those sent to be counted beside them: these were seen by
/// <c>context.events</c> alone. Missing otherwise.</param>
public sealed record DecisionAnswer(
    IReadOnlyList<Decision> Decisions, bool Known, DateTimeOffset EvaluatedAt, bool? EventsApplied = null)
{
    /// <summary>The version of all definitions that it was decided by.</summary>
    internal string Definitions { get; init; } = "";
}

/// <summary>What is shown at a placement, and why.</summary>
/// <param name="Placement">The placement's key.</param>
/// <param name="Source"><c>play</c>, <c>fallback</c> or <c>none</c>.</param>
/// <param name="Reason"><c>matched</c>; <c>experiment</c>: a running experiment's variant chose the content; <c>kept</c>: it was shown in
/// this visit; <c>noMatch</c>: no play won; <c>noPlay</c>: there is none; <c>unknownPlacement</c>.</param>
/// <param name="Exposures">What to send to <c>POST /exposures</c> once it is seen, in the order in which it was reached.</param>
public sealed record Decision(
    [property: JsonPropertyOrder(-10)] string Placement,
    [property: JsonPropertyOrder(-9)] DecisionSource Source,
    [property: JsonPropertyOrder(2)] DecisionReason Reason,
    [property: JsonPropertyOrder(3)] IReadOnlyList<string> Exposures)
{
    /// <summary>What to show; missing where nothing is shown.</summary>
    [JsonPropertyOrder(-8)]
    public JsonElement? Content { get; init; }

    /// <summary>The playbook that won.</summary>
    [JsonPropertyOrder(-7)]
    public string? Playbook { get; init; }

    /// <summary>Its version.</summary>
    [JsonPropertyOrder(-6)]
    public int? Version { get; init; }

    /// <summary>The play that won.</summary>
    [JsonPropertyOrder(-5)]
    public string? Play { get; init; }

    /// <summary>The running experiment whose variant gave the content.</summary>
    [JsonPropertyOrder(0)]
    public string? Experiment { get; init; }

    /// <summary>That variant.</summary>
    [JsonPropertyOrder(1)]
    public string? Variant { get; init; }

    /// <summary>Every play that was looked at, in order; only with <c>explain</c>.</summary>
    [JsonPropertyOrder(4)]
    public IReadOnlyList<ConsideredPlay>? Considered { get; init; }

    /// <summary>Whether a running experiment's variant gave the content, or passed a play over.</summary>
    internal bool IsSplit { get; init; }
}

/// <summary>Where a content comes from.</summary>
public enum DecisionSource { Play, Fallback, None }

/// <summary>Why a content is shown.</summary>
public enum DecisionReason { Matched, Experiment, Kept, NoMatch, NoPlay, UnknownPlacement }

/// <summary>What became of a play.</summary>
public enum PlayOutcome
{
    Won,
    Kept,
    NoConsent,
    NotInAudience,
    ContextNotMatched,
    Capped,
    HeldOut,
    NotEnrolled,
    VariantShowsNothing,
    ExperimentNotRunning,
    NotReached,
    Restricted,
}

/// <summary>A play that was looked at.</summary>
/// <param name="Playbook">The playbook's key.</param>
/// <param name="Version">The playbook's version.</param>
/// <param name="Play">The play's key.</param>
/// <param name="Outcome"><c>won</c>, <c>kept</c>, <c>noConsent</c>, <c>notInAudience</c>, <c>contextNotMatched</c>, <c>capped</c>,
/// <c>heldOut</c>, <c>notEnrolled</c>, <c>variantShowsNothing</c>, <c>experimentNotRunning</c>, <c>restricted</c>: the
/// customer is, whom no play is shown; or <c>notReached</c>: another had won.</param>
public sealed record ConsideredPlay(string Playbook, int Version, string Play, PlayOutcome Outcome)
{
    /// <summary>The audience's rule tree, with what was found; missing where it was not looked at.</summary>
    public JsonElement? Audience { get; init; }

    /// <summary>The rule tree of the play's <c>when</c>, with what was found.</summary>
    public JsonElement? When { get; init; }

    /// <summary>The caps, with what was counted.</summary>
    public IReadOnlyList<CountedCap>? Caps { get; init; }

    /// <summary>Where the visitor is in the holdout.</summary>
    public AssignedVariant? Holdout { get; init; }

    /// <summary>Where the visitor is in the play's experiment.</summary>
    public AssignedVariant? Experiment { get; init; }
}

/// <summary>A cap, and what was counted.</summary>
/// <param name="Max">How often, at most.</param>
/// <param name="Per">Within how long.</param>
/// <param name="Count">How often it was shown.</param>
public sealed record CountedCap(int Max, JsonElement Per, long Count);

/// <summary>Where a visitor is in an experiment.</summary>
/// <param name="Key">The experiment's key.</param>
/// <param name="Run">The run that is under way; missing where none is.</param>
/// <param name="Bucket">The unit's part, 0 to 9,999; missing where there is no unit.</param>
/// <param name="Variant">The variant that it gets; missing where it takes no part.</param>
/// <param name="Reason">Why: <c>assigned</c>, <c>kept</c>, <c>outsideCoverage</c> or <c>outsideLayer</c>.</param>
public sealed record AssignedVariant(string Key, int? Run, int? Bucket, string? Variant, AssignmentReason? Reason);
