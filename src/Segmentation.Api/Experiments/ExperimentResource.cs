using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Experiments;

/// <summary>
/// An experiment: variants, who gets which, and what "better" means. Read-only properties are ignored in requests.
/// </summary>
public sealed record ExperimentResource
{
    /// <summary>A slug that the caller chooses: <c>^[a-z0-9][a-z0-9-]{0,62}$</c>.</summary>
    [AlwaysAnswered]
    public string? Key { get; init; }

    /// <summary>Its name; the key when left out.</summary>
    [AlwaysAnswered]
    public string? Name { get; init; }

    /// <summary>What it is about, in words.</summary>
    public string? Description { get; init; }

    /// <summary>What is expected to come out, in words.</summary>
    public string? Hypothesis { get; init; }

    /// <summary>What is split: <c>visitor</c> (by default) or <c>customer</c>; whoever is not known as one takes no part then.</summary>
    [AlwaysAnswered]
    public ExperimentUnitKind? Unit { get; init; }

    /// <summary>How it is split: <c>split</c>, evenly for the whole run. Allocation that adapts (<c>bandit</c>) is not there yet: a
    /// 400.</summary>
    [AlwaysAnswered]
    public ExperimentKind? Kind { get; init; }

    /// <summary>What is compared, 2 to 10; the first is the control.</summary>
    [AlwaysAnswered]
    [Needed]
    public IReadOnlyList<ExperimentVariant>? Variants { get; init; }

    /// <summary>The share of units that take part, 0 to 1; 1 when left out. A larger one adds units and moves none.</summary>
    [AlwaysAnswered]
    public decimal? Coverage { get; init; }

    /// <summary>The part of a layer that it has. Experiments whose parts don't overlap share no unit.</summary>
    public ExperimentLayer? Layer { get; init; }

    /// <summary>What the hash of a unit begins with, 1 to 100 characters without <c>:</c> and <c>~</c>; the key when left out.</summary>
    [AlwaysAnswered]
    public string? Seed { get; init; }

    /// <summary>What "better" means; left out for a mere rollout.</summary>
    public ExperimentMetrics? Metrics { get; init; }

    /// <summary>How it is judged: <c>sequential</c> (by default: valid at every look) or <c>fixed</c> (once, when the planned units are
    /// there).</summary>
    [AlwaysAnswered]
    public ExperimentAnalysis? Analysis { get; init; }

    /// <summary>How often it may err where nothing differs: more than 0, less than 1; 0.05 when left out.</summary>
    [AlwaysAnswered]
    public decimal? Alpha { get; init; }

    /// <summary>How many units it is planned for, 100 to a billion; 10,000 when left out.</summary>
    [AlwaysAnswered]
    public int? PlannedUnits { get; init; }

    /// <summary>Whether what a unit did before lowers the noise of what it does after; left out, it does not.</summary>
    public ExperimentCuped? Cuped { get; init; }

    /// <summary>Words to filter lists of experiments by.</summary>
    [AlwaysAnswered]
    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary><c>draft</c>, <c>running</c>, <c>stopped</c> or <c>archived</c>: <c>/start</c>, <c>/stop</c> and <c>/archive</c> change
    /// it.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public ExperimentStatus? Status { get; init; }

    /// <summary>The number of its last run; 0 before the first.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public int? Run { get; init; }

    /// <summary>When its last run started; missing before the first.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When its last run was stopped; missing where it was not.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? StoppedAt { get; init; }

    /// <summary>The key of the variant that everybody gets since its last run was stopped; missing where there is none.</summary>
    [ReadOnly(true)]
    public string? Winner { get; init; }

    /// <summary>Why its last run was stopped, in words.</summary>
    [ReadOnly(true)]
    public string? Reason { get; init; }

    /// <summary>The number of its present definition; the first is 1.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public int? Version { get; init; }

    /// <summary>When it was created.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last written.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; init; }

    internal static ExperimentResource From(Experiment experiment, ExperimentRun? last) => Read(experiment.Definition) with
    {
        Key = experiment.Key,
        Status = experiment.Status,
        Run = experiment.Run,
        StartedAt = last?.StartedAt,
        StoppedAt = last?.StoppedAt,
        Winner = last?.Winner,
        Reason = last?.Reason,
        Version = experiment.Version,
        CreatedAt = experiment.CreatedAt,
        UpdatedAt = experiment.UpdatedAt,
    };

    /// <summary>A definition as it is stored.</summary>
    internal static ExperimentResource Read(JsonElement definition) => definition.Deserialize<ExperimentResource>(Json.Options)!;

    /// <summary>The definition alone, as it is stored: texts trimmed, whatever was left out said.</summary>
    internal ExperimentResource Complete(string key)
    {
        static string? Trim(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
        return new ExperimentResource
        {
            Name = Trim(Name) ?? key,
            Description = Trim(Description),
            Hypothesis = Trim(Hypothesis),
            Unit = Unit ?? ExperimentUnitKind.Visitor,
            Kind = Kind ?? ExperimentKind.Split,
            Variants = [.. Variants!.Select(v => v with { Weight = v.Weight ?? 1 })],
            Coverage = Coverage ?? 1,
            Layer = Layer,
            Seed = Seed ?? key,
            Metrics = Metrics is null ? null : Metrics with { Secondary = Metrics.Secondary ?? [], Guardrails = Metrics.Guardrails ?? [] },
            Analysis = Analysis ?? ExperimentAnalysis.Sequential,
            Alpha = Alpha ?? 0.05m,
            PlannedUnits = PlannedUnits ?? 10_000,
            Cuped = Cuped,
            Tags = [.. (Tags ?? []).Select(t => t.Trim()).Distinct(StringComparer.Ordinal)],
        };
    }

    /// <summary>The split of a run. Only of a definition that is complete.</summary>
    internal Split CreateSplit(int run) => new(
        Seed!,
        run,
        [.. Variants!.Select(v => v.Weight!.Value)],
        ToDouble(Coverage!.Value),
        Layer is { } layer ? new LayerRange(layer.Key!, ToDouble(layer.From!.Value), ToDouble(layer.To!.Value)) : null);

    /// <summary>The double that is nearest: what a client reads where it reads this number.</summary>
    internal static double ToDouble(decimal value) =>
        double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

/// <summary>What is split.</summary>
public enum ExperimentUnitKind { Visitor, Customer }

/// <summary>How units are split.</summary>
public enum ExperimentKind { Split, Bandit }

/// <summary>How an experiment is judged.</summary>
public enum ExperimentAnalysis { Sequential, Fixed }

/// <summary>A variant.</summary>
/// <param name="Key">Its key: lowercase letters, digits and hyphens, 1 to 63.</param>
/// <param name="Weight">Its part of the units: a whole number from 1 to 10,000; 1 when left out.</param>
public sealed record ExperimentVariant([property: Needed] string? Key, [property: AlwaysAnswered] int? Weight = null);

/// <summary>The part of a layer that an experiment has.</summary>
/// <param name="Key">The layer's key, which experiments that share it name.</param>
/// <param name="From">0 or more; counts.</param>
/// <param name="To">More than <c>from</c>, up to 1; does not count.</param>
public sealed record ExperimentLayer([property: Needed] string? Key, [property: Needed] decimal? From, [property: Needed] decimal? To);

/// <summary>What "better" means.</summary>
public sealed record ExperimentMetrics
{
    /// <summary>The key of the metric that decides.</summary>
    public string? Primary { get; init; }

    /// <summary>Keys of metrics that are looked at besides, 20 at most.</summary>
    [AlwaysAnswered]
    public IReadOnlyList<string>? Secondary { get; init; }

    /// <summary>Metrics that must not suffer, 20 at most.</summary>
    [AlwaysAnswered]
    public IReadOnlyList<ExperimentGuardrail>? Guardrails { get; init; }
}

/// <summary>A metric that must not suffer.</summary>
/// <param name="Metric">Its key.</param>
/// <param name="MaxHarm">The share of the control's mean that may be lost, more than 0 and up to 1.</param>
public sealed record ExperimentGuardrail([property: Needed] string? Metric, [property: Needed] decimal? MaxHarm);

/// <summary>What a unit did before, to lower the noise of what it does after.</summary>
/// <param name="Days">How many days before its first exposure, 1 to 90.</param>
public sealed record ExperimentCuped([property: Needed] int? Days);
