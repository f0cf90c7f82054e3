using Npgsql;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Is notified of revisions of stored membership: who joined and left can be read by their ids. Not of those of an erasure, of which only
/// numbers stay: that is <see cref="Customers.IErasureObserver"/>, before it.
/// </summary>
internal interface IRevisionObserver
{
    /// <summary>
    /// Revisions were written. Called in their transaction, at its end: what an observer writes is there with them, or not at all.
    /// </summary>
    /// <param name="first">The id of the first revision of the transaction.</param>
    /// <param name="last">The id of its last one; ids between them are its own.</param>
    Task RevisionsWrittenAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long first, long last, CancellationToken cancellation);
}
