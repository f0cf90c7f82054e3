using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Http;

namespace Segmentation.Api.Analyses;

/// <summary>An analysis: what was asked, how far it is, what came of it.</summary>
/// <param name="Id">Made by the service.</param>
/// <param name="Type">What is analyzed how.</param>
/// <param name="Request">What was asked, with what holds where it was left out.</param>
/// <param name="Status">How far it is.</param>
/// <param name="Progress">How far it is while it runs, 0 to 1.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="StartedAt">When it began to run; left out while it waits.</param>
/// <param name="FinishedAt">When it ended; left out until then. It is kept for <c>Analyses:KeepDays</c> from then.</param>
/// <param name="Result">What was found, in the form of its type; null unless it succeeded.</param>
/// <param name="Problem">Why it failed; null unless it did.</param>
/// <param name="Warnings">What to know of the result; mostly empty.</param>
public sealed record AnalysisResource(
    string Id,
    string Type,
    JsonElement Request,
    AnalysisStatus Status,
    double Progress,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonElement? Result,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] AnalysisProblem? Problem,
    IReadOnlyList<AnalysisWarning> Warnings)
{
    internal static AnalysisResource From(Analysis analysis) => new(
        analysis.Id, analysis.Type, analysis.Request, analysis.Status, analysis.Progress, analysis.CreatedAt, analysis.StartedAt,
        analysis.FinishedAt, analysis.Result, analysis.Problem?.Deserialize<AnalysisProblem>(Json.Options),
        analysis.Warnings?.Deserialize<AnalysisWarning[]>(Json.Options) ?? []);
}
