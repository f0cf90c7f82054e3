using System.ComponentModel;
using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>
/// A set of customers: a goal in words, and the rule or the hand-picked members that make it up. Read-only properties are ignored in
/// requests.
/// </summary>
public sealed record SegmentResource
{
    /// <summary>A slug that the caller chooses: <c>^[a-z0-9][a-z0-9-]{0,62}$</c>.</summary>
    [AlwaysAnswered]
    public string? Key { get; init; }

    /// <summary>Its name; the key when left out.</summary>
    [AlwaysAnswered]
    public string? Name { get; init; }

    /// <summary>Who is in it, in words.</summary>
    public string? Description { get; init; }

    /// <summary>What it is for, in words.</summary>
    public string? Goal { get; init; }

    /// <summary>The key of the metric that says how well the goal is reached: the metric of performance and retention where none is
    /// named.</summary>
    public string? GoalMetric { get; init; }

    /// <summary><c>rule</c> (the default) or <c>manual</c>: members are put in by hand.</summary>
    [AlwaysAnswered]
    public SegmentKind? Kind { get; init; }

    /// <summary>The rule tree; required unless the kind is <c>manual</c>.</summary>
    public JsonElement? Rule { get; init; }

    /// <summary>The IANA name of the zone in which the rule's days begin; UTC when left out.</summary>
    [AlwaysAnswered]
    public string? TimeZone { get; init; }

    /// <summary>Purposes of <c>/purposes</c>, ten at most: who has not granted all of them is never a member, whatever the rule says.
    /// Missing where none is required.</summary>
    public string[]? RequiresConsent { get; init; }

    /// <summary>Words to filter lists of segments by.</summary>
    [AlwaysAnswered]
    public string[]? Tags { get; init; }

    /// <summary><c>active</c> (the default), <c>draft</c> or <c>archived</c>.</summary>
    [AlwaysAnswered]
    public SegmentStatus? Status { get; init; }

    /// <summary>The number of its present definition; the first is 1.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public int? Version { get; init; }

    /// <summary>How many members it had at <c>evaluatedAt</c>; missing until they were first counted.</summary>
    [ReadOnly(true)]
    public long? MemberCount { get; init; }

    /// <summary>All customers there are, of whom <c>memberCount</c> are members.</summary>
    [ReadOnly(true)]
    public long? Total { get; init; }

    /// <summary>memberCount / total, from 0 to 1; missing until they were first counted.</summary>
    [ReadOnly(true)]
    public decimal? Share { get; init; }

    /// <summary>The instant that <c>memberCount</c> was true at.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? EvaluatedAt { get; init; }

    /// <summary>How far the stored membership of an active segment is; missing for others.</summary>
    [ReadOnly(true)]
    public SegmentState? State { get; init; }

    /// <summary>True when its rule reads a sensitive field, itself or through another segment; else missing.</summary>
    [ReadOnly(true)]
    public bool? Sensitive { get; init; }

    /// <summary>False when the rule's fields have gone; the segment then matches nobody.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public bool? Valid { get; init; }

    /// <summary>What is wrong, by JSON Pointer; only where <c>valid</c> is false.</summary>
    [ReadOnly(true)]
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>When it was created.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last written.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; init; }

    internal static SegmentResource From(Segment segment, DefinitionSet all, IReadOnlyList<RuleError> errors) => Definition(segment) with
    {
        Key = segment.Key,
        Version = segment.Version,
        MemberCount = segment.MemberCount,
        EvaluatedAt = segment.EvaluatedAt,
        CreatedAt = segment.CreatedAt,
        UpdatedAt = segment.UpdatedAt,
        Sensitive = all.ReadsSensitive(segment.Rule) ? true : null,
        Valid = errors.Count == 0,
        Errors = errors.Count == 0 ? null : ApiProblem.Invalid(SegmentQuery.AtRule(errors)).Errors,
    };

    /// <summary>The same with the count of its members, of how many customers.</summary>
    internal SegmentResource WithCount(SegmentCount count) =>
        this with { MemberCount = count.Count, EvaluatedAt = count.EvaluatedAt, Total = count.Total, Share = count.Share };

    /// <summary>The definition alone, as a version keeps it.</summary>
    internal static SegmentResource Definition(Segment segment) => new()
    {
        Name = segment.Name,
        Description = segment.Description,
        Goal = segment.Goal,
        GoalMetric = segment.GoalMetric,
        Kind = segment.Kind,
        Rule = segment.Rule,
        TimeZone = segment.TimeZone,
        RequiresConsent = segment.RequiresConsent is [] ? null : segment.RequiresConsent,
        Tags = segment.Tags,
        Status = segment.Status,
    };

    /// <summary>Takes over what the caller may set; texts trimmed, empty ones missing.</summary>
    internal void ApplyTo(Segment segment)
    {
        static string? Trim(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
        segment.Name = Trim(Name) ?? segment.Key;
        segment.Description = Trim(Description);
        segment.Goal = Trim(Goal);
        segment.GoalMetric = Trim(GoalMetric);
        segment.Kind = Kind ?? SegmentKind.Rule;
        segment.Rule = segment.Kind == SegmentKind.Rule ? Rule : null;
        segment.TimeZone = Trim(TimeZone) ?? TimeZones.Default;
        segment.RequiresConsent = [.. (RequiresConsent ?? []).Distinct(StringComparer.Ordinal)];
        segment.Tags = [.. (Tags ?? []).Select(t => t.Trim()).Distinct(StringComparer.Ordinal)];
        segment.Status = Status ?? SegmentStatus.Active;
    }
}
