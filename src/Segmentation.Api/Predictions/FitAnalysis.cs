using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Analyses;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>What an analysis <c>fit</c> is asked for. Its `asOf` is taken as a day: that which the instant is in, in
/// `Predictions:TimeZone`.</summary>
public sealed record FitRequest : AnalysisRequest
{
    /// <summary>The key of the model to fit.</summary>
    [Needed]
    public string? Model { get; init; }

    /// <summary>How many days of the data are held back for the back-test, 1 to 3650; a default of the model's type when left
    /// out.</summary>
    public int? HoldoutDays { get; init; }
}

/// <summary>
/// The analysis <c>fit</c>: fits a model, and puts it in force where it passes its own back-test. Until its result is there, what was in
/// force is.
/// </summary>
internal sealed class FitAnalysis(
    ModelStore models, ModelVersions versions, IEnumerable<ModelTrainer> trainers, PredictionOptions options, TimeProvider time)
    : AnalysisType<FitRequest>
{
    /// <summary>What a request says in <c>type</c>.</summary>
    public const string TypeName = "fit";

    public override string Name => TypeName;

    protected override async Task<FitRequest> CheckAsync(FitRequest request, CancellationToken cancellation)
    {
        if (request.Model is null)
        {
            throw ApiProblem.Invalid("/model", "A fit needs a model: its key.");
        }

        await models.GetAsync(request.Model, "/model", cancellation);
        if (request.HoldoutDays is < 1 or > 3650)
        {
            throw ApiProblem.Invalid("/holdoutDays", "holdoutDays must be an integer from 1 to 3650.");
        }

        return request.AsOf is { } at && options.FindDay(at) > options.FindDay(time.GetUtcNow())
            ? throw ApiProblem.Invalid("/asOf", "asOf is a day that has not come yet.")
            : request;
    }

    protected override async Task<AnalysisOutcome> RunAsync(FitRequest request, AnalysisRun run, CancellationToken cancellation)
    {
        var model = await models.GetAsync(request.Model!, "/model", cancellation);
        var version = await FitAsync(model, request, run, cancellation);
        var result = ModelVersionResource.From(version) with { InForce = true };
        return new AnalysisOutcome(JsonSerializer.SerializeToNode(result, Json.Options)!)
        {
            Write = (db, end) => ModelVersions.AddAsync(db, model, version, end),
        };
    }

    /// <summary>Fits a model, and holds it against what came.</summary>
    /// <returns>Its next version, which is nowhere yet.</returns>
    /// <exception cref="AnalysisFailure">It does not pass.</exception>
    internal async Task<ModelVersion> FitAsync(
        ModelDefinition model, FitRequest request, AnalysisRun run, CancellationToken cancellation)
    {
        var today = options.FindDay(run.StartedAt);
        var asOf = request.AsOf is { } at ? options.FindDay(at) : today;
        var fit = await trainers.Single(t => t.Type == model.Type.Name)
            .FitAsync(new FitTask(model, asOf, request.HoldoutDays), run, cancellation);
        return new ModelVersion
        {
            ModelKey = model.Key,
            Version = await versions.FindNextAsync(model.Key, cancellation),
            FittedAt = run.StartedAt,
            AsOf = asOf,
            Pinned = asOf < today,
            Settings = JsonSerializer.SerializeToElement(model.Settings, Json.Options),
            Data = ToElement(fit.Data),
            Parameters = ToElement(fit.Parameters),
            Report = ToElement(fit.Report),
            Warnings = JsonSerializer.SerializeToElement(run.Warnings, Json.Options),
            Weights = fit.Weights is { } weights ? new ModelWeights { Weights = weights } : null,
        };
    }

    private static JsonElement ToElement(JsonNode node) => JsonSerializer.SerializeToElement(node, Json.Options);
}
