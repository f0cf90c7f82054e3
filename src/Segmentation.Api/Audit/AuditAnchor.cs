using System.Text.Json;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Audit;

/// <summary>Says the chain's head where the database can't change it: hourly in the log, and in a file where one is set.</summary>
internal sealed partial class AuditAnchor(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, AuditOptions options, TimeProvider time, ILogger<AuditAnchor> logger)
    : PeriodicService(TimeSpan.FromHours(1), time)
{
    protected override async Task StepAsync(CancellationToken cancellation)
    {
        var head = await AuditReader.ReadHeadAsync(database, cancellation);
        LogHead(head.Id, head.Hash, head.At);
        if (options.AnchorFile is { Length: > 0 } file)
        {
            await File.AppendAllTextAsync(file, JsonSerializer.Serialize(head, Json.Options) + "\n", cancellation);
        }
    }

    protected override void Warn(Exception failure) => LogFailed(failure);

    [LoggerMessage(LogLevel.Information, "Audit: the head is {Id} {Hash} of {At}")]
    private partial void LogHead(long id, string hash, DateTimeOffset? at);

    [LoggerMessage(LogLevel.Warning, "Audit: the head could not be read, or not be written to Audit:AnchorFile; next in an hour")]
    private partial void LogFailed(Exception failure);
}
