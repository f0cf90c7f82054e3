using System.Text.Json.Nodes;
using Segmentation.Api.Analyses;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>
/// Fits models of one type. One is registered in its room's <c>AddX</c> (<c>services.AddScoped&lt;ModelTrainer, LifetimeValueTrainer&gt;()
/// </c>); it runs within the snapshot of an analysis <c>fit</c>, and writes nothing.
/// </summary>
internal abstract class ModelTrainer
{
    /// <summary>The type's name: <see cref="ModelType.Name"/>.</summary>
    public abstract string Type { get; }

    /// <summary>Fits a model, and holds it against what came. Warnings go to the run.</summary>
    /// <exception cref="AnalysisFailure">The data can't carry it, or it is no better than no model: what is in force stays.</exception>
    public abstract Task<ModelFit> FitAsync(FitTask task, AnalysisRun run, CancellationToken cancellation);
}

/// <summary>What is to be fitted.</summary>
/// <param name="Model">Its key and settings.</param>
/// <param name="AsOf">The last day of the data.</param>
/// <param name="HoldoutDays">How many days before it the back-test begins; null for the type's default.</param>
internal sealed record FitTask(ModelDefinition Model, DateOnly AsOf, int? HoldoutDays);

/// <summary>What was fitted.</summary>
/// <param name="Data">What it is from: at least <c>from</c>, <c>to</c> and <c>customers</c>.</param>
/// <param name="Parameters">All that scoring needs, to the last digit.</param>
/// <param name="Report">How it was held against what came.</param>
/// <param name="Weights">Parameters that are too many to be shown.</param>
internal sealed record ModelFit(JsonNode Data, JsonNode Parameters, JsonNode Report, byte[]? Weights = null);
