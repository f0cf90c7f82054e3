using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;

namespace Segmentation.Api.Endpoints;

/// <summary>What OpenFeature's SDKs send. Other properties than these are let pass.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
public sealed record OfrepRequest
{
    /// <summary>The evaluation context, an object: <c>targetingKey</c>, which is needed, and whatever else is known.</summary>
    [Needed]
    public JsonElement? Context { get; init; }
}

/// <summary>A flag that was evaluated: a decision.</summary>
/// <param name="Key">The placement's key.</param>
/// <param name="Reason"><c>SPLIT</c>: an experiment's variant gave the content, or passed a play over; <c>TARGETING_MATCH</c>: another
/// play; <c>STATIC</c>: the placement's fallback; <c>DEFAULT</c>: nothing is shown.</param>
/// <param name="Variant">The experiment's variant; else <c>PLAYBOOK/PLAY</c>, <c>fallback</c> or <c>none</c>.</param>
/// <param name="Metadata">Where it comes from, and what to send once it is seen.</param>
public sealed record OfrepFlag(
    [property: JsonPropertyOrder(-2)] string Key, string Reason, string Variant, OfrepFlagMetadata Metadata)
{
    /// <summary>What to show; missing where nothing is shown, which is OFREP's way to say: the code's default.</summary>
    [JsonPropertyOrder(-1)]
    public JsonElement? Value { get; init; }

    internal static OfrepFlag From(Decision decision)
    {
        var (reason, variant) = decision.Source switch
        {
            DecisionSource.Play => ("TARGETING_MATCH", decision.Variant ?? $"{decision.Playbook}/{decision.Play}"),
            DecisionSource.Fallback => ("STATIC", "fallback"),
            _ => ("DEFAULT", "none"),
        };
        var metadata = new OfrepFlagMetadata(decision.Reason, string.Join(' ', decision.Exposures))
        {
            Playbook = decision.Playbook,
            Version = decision.Version,
            Play = decision.Play,
            Experiment = decision.Experiment,
        };
        return new OfrepFlag(decision.Placement, decision.IsSplit ? "SPLIT" : reason, variant, metadata) { Value = decision.Content };
    }
}

/// <summary>Where a flag's value comes from: texts and numbers alone, since SDKs drop what else there is.</summary>
/// <param name="Reason">The decision's own reason, as <c>POST /decisions</c> has it.</param>
/// <param name="Exposures">What to send to <c>POST /exposures</c> once it is seen, joined by a space; empty for nothing.</param>
public sealed record OfrepFlagMetadata(
    [property: JsonPropertyOrder(1)] DecisionReason Reason, [property: JsonPropertyOrder(2)] string Exposures)
{
    /// <summary>The playbook that won.</summary>
    public string? Playbook { get; init; }

    /// <summary>Its version.</summary>
    public int? Version { get; init; }

    /// <summary>The play that won.</summary>
    public string? Play { get; init; }

    /// <summary>The running experiment whose variant gave the value.</summary>
    public string? Experiment { get; init; }
}

/// <summary>All flags.</summary>
/// <param name="Flags">By key.</param>
/// <param name="Metadata">What they were evaluated by.</param>
public sealed record OfrepFlags(IReadOnlyList<OfrepFlag> Flags, OfrepFlagsMetadata Metadata)
{
    internal static OfrepFlags From(DecisionAnswer answer) => new(
        [
            .. answer.Decisions.Where(d => d.Reason != DecisionReason.UnknownPlacement).OrderBy(d => d.Placement, StringComparer.Ordinal)
                .Select(OfrepFlag.From),
        ],
        new OfrepFlagsMetadata(answer.Definitions));
}

/// <summary>What flags were evaluated by.</summary>
/// <param name="Version">Changes with any definition: of placements, playbooks, experiments, segments and attributes.</param>
public sealed record OfrepFlagsMetadata(string Version);

/// <summary>What is wrong with a request, as OFREP says it.</summary>
/// <param name="ErrorCode"><c>PARSE_ERROR</c>: the body is no JSON object with an object <c>context</c>; <c>TARGETING_KEY_MISSING</c>;
/// <c>INVALID_CONTEXT</c>: a member of the context is not what it must be; <c>FLAG_NOT_FOUND</c>.</param>
/// <param name="ErrorDetails">What exactly, with the names of members of the context.</param>
public sealed record OfrepError(string ErrorCode, string ErrorDetails)
{
    /// <summary>The flag's key, of a single evaluation.</summary>
    [JsonPropertyOrder(-1)]
    public string? Key { get; init; }
}
