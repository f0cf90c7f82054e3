using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Analyses;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>A model: what it is told, and what was fitted last and is in force.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Type">What it predicts.</param>
/// <param name="Settings">What it is told, for the next fit; what is in force was fitted with those that held then (its version says
/// them).</param>
/// <param name="Status">`none`: never fitted; `ready`: in force; `stale`: in force, and not renewed for four times `refitDays`;
/// `failed`: none is in force, and the last fit failed.</param>
/// <param name="Version">The number of the version in force; null where there is none, as all that follows.</param>
/// <param name="FittedAt">When it was fitted.</param>
/// <param name="PinnedTo">The day that it was fitted as of, where that was asked for: scores stay as of it until the next fit. Null:
/// scores are of their own day.</param>
/// <param name="Data">What it was fitted on.</param>
/// <param name="Parameters">Of the formulas.</param>
/// <param name="Report">How it was held against what came.</param>
/// <param name="Live">What everybody was told on a day, once a week, held against what came within `churnDays` or `withinDays`: the last
/// one whose time has come, with the figures of the report, and `history`, up to twelve before it in short. Null before the first; where it
/// is wrong in life, `warnings` has `live-no-skill` or `live-biased`.</param>
/// <param name="Warnings">What to know of it.</param>
/// <param name="NextFitAt">When it is fitted anew by itself.</param>
/// <param name="Problem">Why the last fit failed; left out unless it did: the version before stays in force.</param>
public sealed record ModelResource(
    string Key,
    string Type,
    ModelSettings Settings,
    ModelStatus Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? Version,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? FittedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateOnly? PinnedTo,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonElement? Data,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonElement? Parameters,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonElement? Report,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonElement? Live,
    IReadOnlyList<AnalysisWarning> Warnings,
    DateTimeOffset NextFitAt,
    AnalysisProblem? Problem);

/// <summary>How far a model is.</summary>
public enum ModelStatus { None, Ready, Stale, Failed }

/// <summary>A model as it was fitted once.</summary>
/// <param name="Version">From 1.</param>
/// <param name="InForce">Whether scores are made by it.</param>
/// <param name="FittedAt">When it was fitted.</param>
/// <param name="AsOf">The last day of its data.</param>
/// <param name="PinnedTo">The same, where it was asked for; null: scores are of their own day.</param>
/// <param name="Settings">What it was told.</param>
/// <param name="Data">What it was fitted on.</param>
/// <param name="Parameters">Of the formulas.</param>
/// <param name="Report">How it was held against what came.</param>
/// <param name="Warnings">What to know of it.</param>
public sealed record ModelVersionResource(
    int Version,
    bool InForce,
    DateTimeOffset FittedAt,
    DateOnly AsOf,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateOnly? PinnedTo,
    ModelSettings Settings,
    JsonElement Data,
    JsonElement Parameters,
    JsonElement Report,
    IReadOnlyList<AnalysisWarning> Warnings)
{
    internal static ModelVersionResource From(ModelVersion v) => new(
        v.Version, v.InForce, v.FittedAt, v.AsOf, v.PinnedTo, v.Settings.Deserialize<ModelSettings>(Json.Options)!, v.Data, v.Parameters,
        v.Report, v.Warnings.Deserialize<AnalysisWarning[]>(Json.Options)!);
}
