using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Tests.Analyses;

/// <summary>What a probe does.</summary>
/// <param name="Name">Tells one from another.</param>
/// <param name="Does"><c>hold</c>: waits until it is let go; <c>fail</c>, <c>few</c>, <c>refuse</c>, <c>sleep</c>, <c>write</c>.</param>
/// <param name="Size">Any number; 7 when left out.</param>
public sealed record ProbeRequest(string? Name = null, string? Does = null, int? Size = null) : AnalysisRequest;

/// <summary>A type of analysis for tests: counts customers, and does what it is told to.</summary>
public sealed class ProbeAnalysis(SegmentationDb db, ProbeAnalysis.Gate gate) : AnalysisType<ProbeRequest>
{
    /// <summary>Holds probes until the test lets them go, and knows what runs.</summary>
    public sealed class Gate
    {
        private int running;

        /// <summary>Names, in the order in which they were begun.</summary>
        public List<string?> Begun { get; } = [];

        public SemaphoreSlim Open { get; } = new(0);

        public int MostAtOnce { get; private set; }

        /// <summary>How many were stopped while they were held.</summary>
        public int Stopped { get; private set; }

        public async Task HoldAsync(string? name, bool hold, CancellationToken cancellation)
        {
            lock (Begun)
            {
                Begun.Add(name);
                MostAtOnce = Math.Max(MostAtOnce, ++running);
            }

            try
            {
                await (hold ? Open.WaitAsync(cancellation) : Task.CompletedTask);
            }
            catch (OperationCanceledException)
            {
                Stopped++;
                throw;
            }
            finally
            {
                lock (Begun)
                {
                    running--;
                }
            }
        }
    }

    public override string Name => "probe";

    protected override Task<ProbeRequest> CheckAsync(ProbeRequest request, CancellationToken cancellation) =>
        request.Size is < 0
            ? throw ApiProblem.Invalid("/size", "size must be 0 or more.")
            : Task.FromResult(request with { Size = request.Size ?? 7 });

    protected override async Task<AnalysisOutcome> RunAsync(ProbeRequest request, AnalysisRun run, CancellationToken cancellation)
    {
        var before = await db.Customers.CountAsync(cancellation);
        run.Report(0.25);
        await gate.HoldAsync(request.Name, request.Does == "hold", cancellation);
        var after = await db.Customers.CountAsync(cancellation);
        switch (request.Does)
        {
            case "fail":
                throw new InvalidOperationException("secret-text");
            case "few":
                throw AnalysisFailure.TooFewData(
                    "A probe needs 30 customers.", new Dictionary<string, decimal> { ["customers"] = 30 },
                    new Dictionary<string, decimal> { ["customers"] = after });
            case "refuse":
                throw ApiProblem.Invalid("/name", "It is gone.");
            case "sleep":
                await db.Database.ExecuteSqlRawAsync("SELECT pg_sleep(3600)", cancellation);
                break;
            case "warn":
                run.Warn("short-history", "There is little of it.");
                break;
        }

        return new AnalysisOutcome(
            new JsonObject { ["zulu"] = before, ["alpha"] = after, ["small"] = 4.3e-13 },
            new JsonObject { ["zulu"] = before, ["alpha"] = after, ["small"] = 4.3e-13, ["left"] = "out" })
        {
            Write = request.Does != "write" ? null : async (written, token) =>
            {
                written.Attributes.Add(new CustomerAttribute { Name = request.Name!, Type = "text", Kind = "value" });
                await written.SaveChangesAsync(token);
            },
        };
    }
}
