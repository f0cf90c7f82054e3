namespace Segmentation.Api.Memberships;

/// <summary>Something that one process at a time does, of all that share a database: the one that maintains membership.</summary>
internal interface ILeaderTask
{
    /// <summary>Runs until cancelled, and then ends without an exception. A fault of its own it deals with itself.</summary>
    Task RunAsync(CancellationToken whileLeading);
}
