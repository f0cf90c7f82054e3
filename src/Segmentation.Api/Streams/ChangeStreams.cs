using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Streams;

/// <summary>Opens streams of a segment's changes.</summary>
public sealed class ChangeStreams(NpgsqlDataSource database, MembershipFeed feed, StreamOptions options)
{
    /// <param name="resume">The position to go on after; from now on when null.</param>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<ChangeStream> OpenAsync(string segmentKey, ChangePosition? resume, CancellationToken cancellation)
    {
        var segmentId = await FindAsync(segmentKey, cancellation);
        var subscription = feed.Subscribe(segmentId);
        try
        {
            // Read after listening began, so that nothing falls between.
            var (first, last) = await ReadRangeAsync(cancellation);
            var start = resume is { } position && position.Revision <= last ? position : ChangePosition.After(last);
            var isGap = resume is { } wanted && (wanted.Revision > last || wanted.Revision < first - 1);
            var changes = new MembershipChanges(database, segmentId, start);
            return new ChangeStream(segmentKey, subscription, changes, last, isGap, TimeSpan.FromSeconds(options.HeartbeatSeconds));
        }
        catch
        {
            subscription.Dispose();
            throw;
        }
    }

    private async Task<int> FindAsync(string key, CancellationToken cancellation)
    {
        var ids = await database.QueryAsync(
            "SELECT id FROM segments WHERE key = $1", r => r.GetInt32(0), cancellation, SqlParameter.Create(Paging.Text(key, "key")));
        return ids is [var id] ? id : throw ApiProblem.NotFound("segment");
    }

    // The revisions that are stored, of all segments.
    private async Task<(long First, long Last)> ReadRangeAsync(CancellationToken cancellation)
    {
        var rows = await database.QueryAsync(
            "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM membership_batches", r => (r.GetInt64(0), r.GetInt64(1)), cancellation);
        return rows[0];
    }
}
