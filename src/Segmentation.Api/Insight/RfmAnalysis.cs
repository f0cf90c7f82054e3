using System.Text.Json;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Insight;

/// <summary>What an analysis <c>rfm</c> is asked for: it needs nothing but its type.</summary>
public sealed record RfmRequest : AnalysisRequest;

/// <summary>
/// The analysis <c>rfm</c>: finds the thresholds, and puts them in force for all that reads <c>value.rfm…</c>. Those of an instant in the
/// past are shown alone.
/// </summary>
internal sealed class RfmAnalysis(RfmCounts counts) : AnalysisType<RfmRequest>
{
    /// <summary>What a request says in <c>type</c>.</summary>
    public const string TypeName = "rfm";

    public override string Name => TypeName;

    protected override Task<RfmRequest> CheckAsync(RfmRequest request, CancellationToken cancellation) => Task.FromResult(request);

    protected override async Task<AnalysisOutcome> RunAsync(RfmRequest request, AnalysisRun run, CancellationToken cancellation)
    {
        var past = request.AsOf < run.StartedAt ? request.AsOf : null;
        var found = await counts.FindAsync(past ?? run.StartedAt, past, cancellation) ?? throw AnalysisFailure.TooFewData(
            "Nobody has an order yet: scores are given among customers with one.",
            new Dictionary<string, decimal> { ["customersWithAnOrder"] = 1 },
            new Dictionary<string, decimal> { ["customersWithAnOrder"] = 0 });
        run.Report(0.8);
        var result = JsonSerializer.SerializeToNode(await counts.CountAsync(found, past, cancellation), Json.Options)!;
        return new AnalysisOutcome(result) { Write = past is null ? (db, end) => AddAsync(db, found, end) : null };
    }

    private static Task AddAsync(SegmentationDb db, RfmThresholds thresholds, CancellationToken cancellation)
    {
        db.Add(thresholds);
        return db.SaveChangesAsync(cancellation);
    }
}
