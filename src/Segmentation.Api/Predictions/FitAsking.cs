using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>How a model is to be fitted.</summary>
public sealed record FitSettings
{
    /// <summary>The last day of the data, from 1900 on; today when left out. A day in the past pins the model: scores are of it until the
    /// next fit.</summary>
    public DateOnly? AsOf { get; init; }

    /// <summary>How many days of the data are held back for the back-test, 1 to 3650. Of `lifetimeValue` it is `churnDays` when left out,
    /// and at most a third of the history. `propensity` and `feedback` don't read it.</summary>
    public int? HoldoutDays { get; init; }
}

/// <summary>Makes an analysis's request of how a model is to be fitted.</summary>
public sealed class FitAsking(ModelStore models, PredictionOptions options)
{
    private const int FirstYear = 1900;

    /// <exception cref="ApiProblem">400: the day is out of range. 404: there is no such model.</exception>
    public async Task<JsonElement> CreateAsync(string key, FitSettings settings, CancellationToken cancellation)
    {
        if (await models.FindAsync(key, cancellation) is null)
        {
            throw ApiProblem.NotFound("model");
        }

        if (settings.AsOf is { Year: < FirstYear })
        {
            throw ApiProblem.Invalid("/asOf", $"asOf must be a day from {FirstYear}-01-01 on.");
        }

        var request = new FitRequest
        {
            Type = FitAnalysis.TypeName,
            Model = key,
            AsOf = settings.AsOf is { } day ? options.FindStart(day) : null,
            HoldoutDays = settings.HoldoutDays,
        };
        return JsonSerializer.SerializeToElement(request, Json.Options);
    }
}
