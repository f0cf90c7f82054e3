namespace Segmentation.Api.Customers;

/// <summary>An import in the background.</summary>
/// <param name="Id">Its id, made by the service.</param>
/// <param name="State">How far it is.</param>
/// <param name="Mode">What a line does to a customer that is there already.</param>
/// <param name="DryRun">Whether nothing is written.</param>
/// <param name="Received">Lines read so far that were not blank; a CSV's header apart.</param>
/// <param name="Created">Customers that were created so far.</param>
/// <param name="Updated">Lines so far that changed a customer who was there already.</param>
/// <param name="Rejected">Lines that were rejected so far; <c>GET /imports/{id}/errors</c> has them.</param>
/// <param name="Kept">Of those, how many are kept: 100,000, or 64 MiB of them.</param>
/// <param name="Ignored">Read-only columns or properties that were not taken; known at its end.</param>
/// <param name="Error">Why it failed; left out unless it did.</param>
/// <param name="CreatedAt">When its file was there.</param>
/// <param name="StartedAt">When it began to be stored; left out while it waits.</param>
/// <param name="FinishedAt">When it ended; left out until then. It is kept for 7 days from then.</param>
public sealed record ImportJobResource(
    string Id, ImportState State, ImportMode Mode, bool DryRun, long Received, long Created, long Updated, long Rejected, int Kept,
    IReadOnlyList<string> Ignored, string? Error, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt)
{
    /// <summary>An import as it is at an instant: one of which nothing was heard for a while has lost its process.</summary>
    internal static ImportJobResource From(ImportJob job, DateTimeOffset now) => new(
        job.Id, ImportJobs.HasEnded(job.State) || now - job.AliveAt < ImportJobs.MaxSilence ? job.State : ImportState.Interrupted,
        job.Mode, job.DryRun, job.Received, job.Created, job.Updated, job.Rejected, job.Kept, job.Ignored, job.Error, job.CreatedAt,
        job.StartedAt, job.FinishedAt);
}
