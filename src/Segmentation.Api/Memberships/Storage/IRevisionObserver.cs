using Npgsql;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Is notified of what is written to stored membership. Called in the transaction that writes it, at its end: what an observer writes is
/// there with it, or not at all; and one transaction after the other, so that it is in the order of the revisions.
/// </summary>
internal interface IRevisionObserver
{
    /// <summary>Revisions were written: who joined and left can be read by their ids, erased members too.</summary>
    /// <param name="first">The id of the first revision of the transaction.</param>
    /// <param name="last">The id of its last one; ids between them are its own.</param>
    Task RevisionsWrittenAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long first, long last, CancellationToken cancellation);

    /// <summary>Customers were erased: what names them is to go. Called after the revisions in which they left.</summary>
    /// <param name="ids">The ids that they had.</param>
    Task CustomersErasedAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, string[] ids, CancellationToken cancellation);

    /// <summary>A segment was deleted, and all have left it by the revision that its <see cref="Segments.DeletedSegment"/> names.</summary>
    Task SegmentDeletedAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, int segment, CancellationToken cancellation);
}
