using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>Asks for an analysis, waits a while for it, and answers how far it is.</summary>
public sealed class AnalysisAsking(AnalysisStore store, SensitiveReads sensitive, Work work)
{
    /// <summary>The longest that a request may wait, in seconds.</summary>
    public const int MaxWaitSeconds = 60;

    private const int DefaultWaitSeconds = 10;

    /// <param name="body">The request, in the form of its type.</param>
    /// <param name="wait">Seconds to wait for its end; null for the default.</param>
    /// <param name="whole">With all of the result.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>201 where it has ended, else 202.</returns>
    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    public async Task<IActionResult> AskAsync(JsonElement body, int? wait, bool whole, CancellationToken cancellation)
    {
        var seconds = wait switch
        {
            null => DefaultWaitSeconds,
            >= 0 and <= MaxWaitSeconds => wait.Value,
            _ => throw ApiProblem.Invalid(nameof(wait), $"wait must be an integer from 0 to {MaxWaitSeconds}."),
        };
        var analysis = await store.AddAsync(body, cancellation);
        if (seconds > 0 && await CanWaitAsync(cancellation))
        {
            analysis = await store.WaitAsync(analysis, TimeSpan.FromSeconds(seconds), whole, cancellation);
        }

        var location = $"/api/v1/analyses/{analysis.Id}";
        var answer = await sensitive.HideAsync(AnalysisResource.From(analysis), cancellation);
        return analysis.Status > AnalysisStatus.Running
            ? new CreatedResult(location, answer)
            : new AcceptedResult(location, answer);
    }

    // Whoever waits takes no place from those who don't. Where too many wait, the analysis is there all the same.
    private async Task<bool> CanWaitAsync(CancellationToken cancellation)
    {
        try
        {
            await work.EnterAsync(WorkClass.Stream, cancellation);
            return true;
        }
        catch (ApiProblem busy) when (busy.RetryAfter is not null)
        {
            return false;
        }
    }
}
