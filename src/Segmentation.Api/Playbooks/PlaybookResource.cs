using System.ComponentModel;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Playbooks;

/// <summary>What a group of customers gets, and when: an audience, and ordered plays. Read-only properties are ignored in
/// requests.</summary>
public sealed record PlaybookResource
{
    /// <summary>A slug that the caller chooses: <c>^[a-z0-9][a-z0-9-]{0,62}$</c>.</summary>
    [AlwaysAnswered]
    public string? Key { get; init; }

    /// <summary>Its name; the key when left out.</summary>
    [AlwaysAnswered]
    public string? Name { get; init; }

    /// <summary>What it does, in words.</summary>
    public string? Description { get; init; }

    /// <summary>What it is for, in words.</summary>
    public string? Goal { get; init; }

    /// <summary>The IANA name of the zone in which the audience's days begin, and of visitors whose own is not known; UTC when left
    /// out.</summary>
    [AlwaysAnswered]
    public string? TimeZone { get; init; }

    /// <summary>0 to 1000; 500 when left out. The higher comes first, of two alike the one whose key does.</summary>
    [AlwaysAnswered]
    public int? Priority { get; init; }

    /// <summary>Whom it is for: a rule over customers; everyone when left out or empty.</summary>
    public JsonElement? Audience { get; init; }

    /// <summary>A purpose of consent; to a visitor without it the playbook does not apply, whatever its rules.</summary>
    public string? RequiresConsent { get; init; }

    /// <summary>The key of an experiment of exactly two variants: whoever gets its first goes on as if no playbook that names it were
    /// there.</summary>
    public string? Holdout { get; init; }

    /// <summary><c>none</c> (the default) or <c>visit</c>: what a visitor was shown in a visit stays for that visit.</summary>
    [AlwaysAnswered]
    public PlaybookKeep? Keep { get; init; }

    /// <summary>From when on it applies; at once when left out.</summary>
    public DateTimeOffset? StartsAt { get; init; }

    /// <summary>Until when it applies, this instant excluded; for ever when left out.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    /// <summary>What is shown, in order: of the plays for a placement the first that passes wins.</summary>
    [AlwaysAnswered]
    public IReadOnlyList<PlayResource>? Plays { get; init; }

    /// <summary><c>draft</c> (the default), <c>active</c> or <c>archived</c>.</summary>
    [AlwaysAnswered]
    public PlaybookStatus? Status { get; init; }

    /// <summary>Words to filter lists of playbooks by.</summary>
    [AlwaysAnswered]
    public string[]? Tags { get; init; }

    /// <summary>The number of its present definition; the first is 1.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public int? Version { get; init; }

    /// <summary>False when what it names has gone; it then applies to nobody.</summary>
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

    /// <summary>The definition alone, as a version keeps it: complete, texts trimmed, empty ones missing.</summary>
    /// <param name="timeZone">The zone in its own spelling.</param>
    internal PlaybookResource Complete(string key, string timeZone) => this with
    {
        Key = null,
        Name = PlaybookTexts.Trim(Name) ?? key,
        Description = PlaybookTexts.Trim(Description),
        Goal = PlaybookTexts.Trim(Goal),
        TimeZone = timeZone,
        Priority = Priority ?? DefaultPriority,
        RequiresConsent = PlaybookTexts.Trim(RequiresConsent),
        Holdout = PlaybookTexts.Trim(Holdout),
        Keep = Keep ?? PlaybookKeep.None,
        Plays = Plays ?? [],
        Status = Status ?? PlaybookStatus.Draft,
        Tags = PlaybookTexts.Trim(Tags),
        Version = null,
        Valid = null,
        Errors = null,
        CreatedAt = null,
        UpdatedAt = null,
    };

    /// <summary>Where nothing is said.</summary>
    internal const int DefaultPriority = 500;

    internal static PlaybookResource Read(JsonElement definition) => definition.Deserialize<PlaybookResource>(Json.Options)!;

    internal JsonElement Write() => JsonSerializer.SerializeToElement(this, Json.Options);
}

/// <summary>What is shown at a placement, when, and how often.</summary>
public sealed record PlayResource
{
    /// <summary>A slug, unique in its playbook.</summary>
    [AlwaysAnswered]
    [Needed]
    public string? Key { get; init; }

    /// <summary>The key of the placement.</summary>
    [AlwaysAnswered]
    [Needed]
    public string? Placement { get; init; }

    /// <summary>A rule over <c>context.*</c> alone; always when left out or empty.</summary>
    public JsonElement? When { get; init; }

    /// <summary>What is shown: a value of the placement's type.</summary>
    public JsonElement? Content { get; init; }

    /// <summary>In place of <c>content</c>, with <c>contents</c>: the key of the experiment that chooses.</summary>
    public string? Experiment { get; init; }

    /// <summary>What is shown by each variant of the experiment: a value of the placement's type, or null for "as if this play were not
    /// there".</summary>
    public IReadOnlyDictionary<string, JsonElement?>? Contents { get; init; }

    /// <summary>How often it is shown: at most 4, of which all must hold.</summary>
    public IReadOnlyList<CapResource>? Caps { get; init; }
}

/// <summary>How often a play is shown to a visitor or customer: impressions that were recorded are counted.</summary>
/// <param name="Max">How often, from 1.</param>
/// <param name="Per">Within how long: <c>{"amount","unit"}</c> back from now, minutes to weeks; <c>"visit"</c>; or <c>"ever"</c>.</param>
public sealed record CapResource([property: Needed] int? Max, [property: Needed] JsonElement? Per)
{
    /// <summary>How many there may be.</summary>
    public const int MostOfPlay = 4;

    private const int MaxMinutes = 366 * 24 * 60, MaxDepth = 2;

    /// <summary>The length of time; null for a visit, for ever, and for what is none.</summary>
    internal TimeSpan? Span => Sound is { ValueKind: JsonValueKind.Object } per
        && per.EnumerateObject().Count() == 2
        && per.TryGetProperty("amount", out var amount) && amount.ValueKind == JsonValueKind.Number && amount.TryGetInt32(out var n)
        && per.TryGetProperty("unit", out var unit) && unit.ValueKind == JsonValueKind.String
        && Minutes(unit.GetString()!) is var minutes and > 0
        && n >= 1 && n <= MaxMinutes / minutes
            ? TimeSpan.FromMinutes((double)n * minutes)
            : null;

    /// <summary>Whether impressions of the visit are counted.</summary>
    internal bool IsOfVisit => Is("visit");

    /// <summary>Whether it is what a cap can be.</summary>
    internal bool Fits => Max >= 1 && (Span is not null || IsOfVisit || Is("ever"));

    // Half a surrogate pair is no text that could be read.
    private JsonElement? Sound => Per is { } per && Json.Unfit(per, MaxDepth) is null ? per : null;

    private bool Is(string word) => Sound is { ValueKind: JsonValueKind.String } per && per.ValueEquals(word);

    private static int Minutes(string unit) => unit switch
    {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        "week" => 7 * 24 * 60,
        _ => 0,
    };
}
