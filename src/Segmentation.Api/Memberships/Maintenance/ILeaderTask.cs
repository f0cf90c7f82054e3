namespace Segmentation.Api.Memberships;

/// <summary>A task that one process at a time runs, of all that share a database: the leader, which maintains membership.</summary>
internal interface ILeaderTask
{
    /// <summary>Runs until cancelled, and then ends without an exception. It handles its own failures.</summary>
    Task RunAsync(CancellationToken whileLeading);
}
