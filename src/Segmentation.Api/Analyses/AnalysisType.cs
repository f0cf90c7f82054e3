using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Analyses;

/// <summary>
/// A type of analysis. One is registered in its room's <c>AddX</c> (<c>services.AddScoped&lt;AnalysisType, ProfileAnalysis&gt;()</c>), made
/// for each request and for each run.
/// </summary>
public abstract class AnalysisType
{
    /// <summary>What a request says in <c>type</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What its requests hold.</summary>
    internal abstract Type RequestType { get; }

    /// <summary>Checks a request, and returns it as it is kept: with all that holds where it was left out.</summary>
    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    internal abstract Task<JsonElement> CheckAsync(JsonElement request, CancellationToken cancellation);

    /// <summary>Runs a request that was checked.</summary>
    internal abstract Task<AnalysisOutcome> RunAsync(JsonElement request, AnalysisRun run, CancellationToken cancellation);
}

/// <summary>A type whose requests are read into a record: what that does not have is a fault.</summary>
public abstract class AnalysisType<TRequest> : AnalysisType
    where TRequest : AnalysisRequest
{
    // Of what a request holds, a rule is nested the deepest.
    private const int MaxDepth = 64;

    internal sealed override Type RequestType => typeof(TRequest);

    internal sealed override async Task<JsonElement> CheckAsync(JsonElement request, CancellationToken cancellation)
    {
        if (Json.Unfit(request, MaxDepth) is { } fault)
        {
            throw ApiProblem.Invalid("", fault);
        }

        TRequest read;
        try
        {
            read = request.Deserialize<TRequest>(Json.Options)!;
        }
        catch (JsonException malformed)
        {
            throw BodyFaults.Find(malformed, BodyFaults.Parse(JsonMarshal.GetRawUtf8Value(request)), typeof(TRequest));
        }

        return JsonSerializer.SerializeToElement(await CheckAsync(read, cancellation), Json.Options);
    }

    internal sealed override Task<AnalysisOutcome> RunAsync(JsonElement request, AnalysisRun run, CancellationToken cancellation) =>
        RunAsync(request.Deserialize<TRequest>(Json.Options)!, run, cancellation);

    /// <summary>Checks a request, and returns it with all that holds where it was left out: two that mean the same are equal.</summary>
    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    protected abstract Task<TRequest> CheckAsync(TRequest request, CancellationToken cancellation);

    /// <summary>
    /// Runs a request that was checked, maybe days ago. The scope's <see cref="SegmentationDb"/> is in a transaction that sees one
    /// snapshot and is undone at the end; it may make temporary tables. What a run has to write, it writes by
    /// <see cref="AnalysisOutcome.Write"/>.
    /// </summary>
    /// <exception cref="AnalysisFailure">It can't be done, for a reason that its sender can understand.</exception>
    protected abstract Task<AnalysisOutcome> RunAsync(TRequest request, AnalysisRun run, CancellationToken cancellation);
}

/// <summary>What the request of every type of analysis has.</summary>
public abstract record AnalysisRequest
{
    /// <summary>What is analyzed how.</summary>
    [Needed]
    [JsonPropertyOrder(-1)]
    public string? Type { get; init; }

    /// <summary>The instant to look at, with its offset; when it begins to run if left out.</summary>
    public DateTimeOffset? AsOf { get; init; }
}

/// <summary>What came of a run.</summary>
/// <param name="Result">What is answered.</param>
/// <param name="Whole">The same with what that leaves out, for <c>?show=all</c>; null where it leaves out nothing.</param>
public sealed record AnalysisOutcome(JsonNode Result, JsonNode? Whole = null)
{
    /// <summary>Writes what else is to be there with the result: in one transaction with it, or not at all.</summary>
    public Func<SegmentationDb, CancellationToken, Task>? Write { get; init; }
}

/// <summary>A run under way.</summary>
/// <param name="startedAt">When it began.</param>
public sealed class AnalysisRun(DateTimeOffset startedAt)
{
    private readonly List<AnalysisWarning> warnings = [];

    /// <summary>When it began, by the service's clock.</summary>
    public DateTimeOffset StartedAt => startedAt;

    /// <summary>How far it is, 0 to 1.</summary>
    public double Progress { get; private set; }

    /// <summary>What whoever reads the result has to know.</summary>
    public IReadOnlyList<AnalysisWarning> Warnings => warnings;

    /// <summary>Says how far it is; cheap, and shown within a second.</summary>
    /// <param name="progress">0 to 1.</param>
    public void Report(double progress) => Progress = Math.Clamp(progress, Progress, 1);

    /// <summary>Adds a warning.</summary>
    /// <param name="code">For programs: <c>short-history</c>.</param>
    /// <param name="text">For people, a sentence.</param>
    public void Warn(string code, string text) => warnings.Add(new AnalysisWarning(code, text));
}

/// <summary>Something to know of a result.</summary>
/// <param name="Code">For programs, in small letters with hyphens.</param>
/// <param name="Text">For people, a sentence.</param>
public sealed record AnalysisWarning(string Code, string Text);
