using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;

namespace Segmentation.Api.Audit;

/// <summary>
/// Whoever was not let in: an entry a minute and address, with how often. Of the address the log has the mark alone, and of more than
/// <see cref="MaxAddresses"/> in a minute one entry for the rest.
/// </summary>
internal sealed partial class RefusedCallers(AuditLog log, CustomerMarks marks, TimeProvider time, ILogger<RefusedCallers> logger)
    : PeriodicService(TimeSpan.FromMinutes(1), time)
{
    public const int MaxAddresses = 100;

    private const string Others = "others";
    private readonly ConcurrentDictionary<string, int> counts = [];

    /// <summary>Counts one.</summary>
    public void Count(IPAddress? address)
    {
        var network = AdmissionSetup.Network(address);
        counts.AddOrUpdate(counts.Count < MaxAddresses || counts.ContainsKey(network) ? network : Others, 1, (_, n) => n + 1);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryStepAsync(cancellationToken);
    }

    protected override async Task StepAsync(CancellationToken cancellation)
    {
        foreach (var network in counts.Keys)
        {
            if (!counts.TryRemove(network, out var count))
            {
                continue;
            }

            try
            {
                var name = network == Others ? Others : CustomerMarks.Write(await marks.ComputeAsync(network, cancellation));
                await log.AppendAsync(
                    "access.refuse", $"addresses/{name}", after: new JsonObject { ["count"] = count }, cancellation: cancellation);
            }
            catch
            {
                counts.AddOrUpdate(network, count, (_, n) => n + count);
                throw;
            }
        }
    }

    protected override void Warn(Exception failure) => LogFailed(failure);

    [LoggerMessage(LogLevel.Warning, "Audit: refused callers could not be written to the log; it is tried again in a minute")]
    private partial void LogFailed(Exception failure);
}
