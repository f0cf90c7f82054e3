using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Streams;

/// <summary>Opens streams of a segment's changes.</summary>
public sealed class ChangeStreams(
    [FromKeyedServices(WorkClass.Stream)] NpgsqlDataSource database, MembershipFeed feed, StreamOptions options) : IDisposable
{
    // However many streams are resumed at a time, those that follow have connections left.
    private readonly SemaphoreSlim oneAtATime = new(1);

    /// <param name="resume">The position to go on after; from now on when null.</param>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<ChangeStream> OpenAsync(string segmentKey, ChangePosition? resume, CancellationToken cancellation)
    {
        var segmentId = await FindAsync(segmentKey, resume, cancellation);
        var (first, last) = await ReadRangeAsync(cancellation);
        var start = resume is { } position && position.Revision <= last ? position : ChangePosition.After(last);
        var isGap = resume is { } wanted
            && (wanted.Revision > last || wanted.Revision < first - 1 || await IsForgottenAsync(segmentId, wanted, cancellation));
        return new ChangeStream(segmentKey, segmentId, this, start, last, isGap, TimeSpan.FromSeconds(options.HeartbeatSeconds));
    }

    public void Dispose() => oneAtATime.Dispose();

    internal Subscription Subscribe(int segmentId) => feed.Subscribe(segmentId);

    internal MembershipChanges Read(int segmentId, ChangePosition after) => new(database, segmentId, after);

    /// <summary>The next changes of a stream that is resumed: while they are read, and not while they are written, others wait.</summary>
    internal async Task<IReadOnlyList<StreamChange>> NextAsync(MembershipChanges changes, long upTo, CancellationToken cancellation)
    {
        await oneAtATime.WaitAsync(cancellation);
        try
        {
            return await changes.NextAsync(upTo, cancellation);
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    // Whoever resumes from before a segment's deletion followed that one, and is told of its end first, even where its key has been used
    // anew: positions are revisions, and grow over all segments.
    private async Task<int> FindAsync(string key, ChangePosition? resume, CancellationToken cancellation)
    {
        var ids = await database.QueryAsync(
            """
            SELECT segment_id, coalesce(batch, $3 - 1) AS ended FROM deleted_segments
            WHERE key = $1 AND $2 < $3 AND (batch > $2 OR batch IS NULL)
            UNION ALL
            SELECT id, $3 FROM segments WHERE key = $1
            ORDER BY ended LIMIT 1
            """,
            r => r.GetInt32(0), cancellation, SqlParameter.Create(Paging.Text(key, "key")),
            SqlParameter.Create(resume?.Revision ?? long.MaxValue), SqlParameter.Create(long.MaxValue));
        return ids is [var id] ? id : throw ApiProblem.NotFound("segment");
    }

    // Whether someone was erased after a position whose id is no longer kept.
    private async Task<bool> IsForgottenAsync(int segmentId, ChangePosition after, CancellationToken cancellation)
    {
        var forgotten = await database.QueryAsync(
            """
            SELECT true FROM erased_members
            WHERE segment_id = $1 AND (left_batch, customer_key) > ($2, $3) AND customer_id IS NULL LIMIT 1
            """,
            r => r.GetBoolean(0), cancellation, SqlParameter.Create(segmentId), SqlParameter.Create(after.Revision),
            SqlParameter.Create(after.Kind == ChangePosition.Left ? after.CustomerKey : long.MaxValue));
        return forgotten.Count > 0;
    }

    // The revisions that are stored, of all segments.
    private async Task<(long First, long Last)> ReadRangeAsync(CancellationToken cancellation)
    {
        var rows = await database.QueryAsync(
            "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM membership_batches", r => (r.GetInt64(0), r.GetInt64(1)), cancellation);
        return rows[0];
    }
}
