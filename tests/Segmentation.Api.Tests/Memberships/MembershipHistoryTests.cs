using Segmentation.Api.Memberships;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>What is forgotten.</summary>
public sealed class MembershipHistoryTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.3)]
    [InlineData(0.6)]
    [InlineData(1.1)]
    public async Task Purge_ForgetsWhatEndedBefore_NothingElse(double part)
    {
        var (random, start) = (new Random((int)(part * 10)), new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var history = await StoredHistory.BeginAsync(fixture, 25);
        string[] keys = [await history.SegmentAsync(), await history.SegmentAsync(), await history.SegmentAsync()];
        var end = await history.RunAsync(random, keys, start, 120, TimeSpan.FromHours(1));
        var before = Rules.Values.LocalTime.Truncate(start + ((end - start) * part));

        // Of each segment: the stays that last, or ended later; their batches, those since, and the last before.
        List<(string Segment, string Customer, long Joined, long? Left)> stays = [];
        foreach (var of in history.Changes.GroupBy(c => (c.Segment, c.Customer)))
        {
            foreach (var stay in of.OrderBy(c => c.Batch).Chunk(2))
            {
                if (stay.Length == 1 || stay[1].At >= before)
                {
                    stays.Add((of.Key.Segment, of.Key.Customer, stay[0].Batch, stay.Length == 1 ? null : stay[1].Batch));
                }
            }
        }

        var referred = stays.SelectMany(s => new[] { s.Joined, s.Left ?? s.Joined }).ToHashSet();
        var last = history.Changes.Where(c => c.At < before).GroupBy(c => c.Segment).Select(g => g.Max(c => c.Batch)).ToHashSet();
        var kept = history.Changes.Where(c => c.At >= before || referred.Contains(c.Batch) || last.Contains(c.Batch)).Select(c => c.Batch).Distinct().Count();
        var was = await history.ScalarAsync<long>("SELECT count(*) FROM membership_batches");
        await using var connection = await history.OpenAsync();
        var purged = await MembershipRetention.PurgeAsync(connection, before, CancellationToken.None);

        Assert.Equal(stays.Count, await history.ScalarAsync<long>("SELECT count(*) FROM memberships"));
        Assert.Equal(stays.Sum(s => s.Joined + (s.Left ?? 0)), (long)await history.ScalarAsync<decimal>("SELECT coalesce(sum(joined_batch + coalesce(left_batch, 0)), 0) FROM memberships"));
        Assert.Equal(kept, await history.ScalarAsync<long>("SELECT count(*) FROM membership_batches"));
        Assert.Equal(was - kept, purged.Batches);
        Assert.Equal(0, await history.ScalarAsync<long>("SELECT count(*) FROM memberships m WHERE NOT EXISTS (SELECT 1 FROM membership_batches b WHERE b.id = m.joined_batch) OR (left_batch IS NOT NULL AND NOT EXISTS (SELECT 1 FROM membership_batches b WHERE b.id = m.left_batch))"));
        Assert.Equal((0, 0), await MembershipRetention.PurgeAsync(connection, before, CancellationToken.None));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // Joins planned for one row would take longer than a statement may.
    public async Task Purge_OfMoreThanAStatementTakes_TakesSeveral(bool statisticsOfAnEmptyTable)
    {
        var history = await StoredHistory.BeginAsync(fixture, 1);
        var id = $"(SELECT id FROM segments WHERE key = '{await history.SegmentAsync()}')";
        var rows = (2 * MembershipRetention.PurgeRows) + 5;
        var batches = $"""INSERT INTO membership_batches (segment_id, at, version, joined, "left", size) SELECT {id}, timestamptz '2020-01-01' + i * interval '1 second', 1, i % 2, 1 - i % 2, i % 2 FROM generate_series(1, {2 * rows}) i""";
        if (statisticsOfAnEmptyTable)
        {
            await history.ExecuteAsync(batches);
            await history.ExecuteAsync("DELETE FROM membership_batches WHERE id < (SELECT max(id) FROM membership_batches)");
            await history.ExecuteAsync("VACUUM (ANALYZE) membership_batches");
            await history.ExecuteAsync("DELETE FROM membership_batches");
        }

        await history.ExecuteAsync(
            $"""
            {batches};
            INSERT INTO memberships (customer_key, segment_id, joined_batch, joined_cause, left_batch, left_cause)
                SELECT -1, {id}, first + 2 * i, 2, first + 2 * i + 1, 2 FROM (SELECT min(id) AS first FROM membership_batches) b, generate_series(0, {rows - 1}) i;
            """);
        await using var connection = await history.OpenAsync();
        Assert.Equal((rows, (2 * rows) - 1), await MembershipRetention.PurgeAsync(connection, DateTimeOffset.UtcNow, CancellationToken.None));
    }
}
