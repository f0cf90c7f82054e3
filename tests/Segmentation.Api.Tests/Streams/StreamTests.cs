using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Segmentation.Api.Changes;
using Segmentation.Api.Streams;
using Segmentation.Api.Tests.Webhooks;

namespace Segmentation.Api.Tests.Streams;

/// <summary>Server-Sent Events, from membership that is written as its maintainer writes it.</summary>
public sealed class StreamTests(WebhooksApi api) : IClassFixture<WebhooksApi>
{
    private static int made;

    [Fact]
    public async Task Stream_Changes_ComeAsTheyHappenFromNowOn()
    {
        var (key, segment, customer) = await MakeAsync(3);
        await MembershipSql.ChangeAsync(api.Database, segment, [customer], []);
        await using var stream = await OpenAsync(key);
        Assert.Equal("hello", (await stream.NextAsync()).Type);

        var at = new DateTimeOffset(2026, 4, 1, 8, 0, 0, TimeSpan.Zero);
        await MembershipSql.ChangeAsync(api.Database, segment, [customer + 1, customer + 2], [customer], at);
        var left = await stream.NextAsync();
        Assert.Equal("left", left.Type);
        Assert.True(
            JsonElement.DeepEquals(
                JsonElement.Parse($$"""{"customerId":"{{key}}-1","at":"2026-04-01T08:00:00Z","cause":"time","version":7}"""),
                JsonElement.Parse(left.Data)),
            left.Data);
        var joined = await stream.NextAsync();
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse(
                $$"""{"customerId":"{{key}}-2","at":"2026-04-01T08:00:00Z","cause":"event","eventId":"e-{{customer + 1}}","version":7}"""),
            JsonElement.Parse(joined.Data)), joined.Data);
        Assert.Equal(("joined", $"{key}-3"), (await stream.NextAsync()).Named);

        // Another segment's changes are not this one's.
        var (_, other, stranger) = await MakeAsync(1);
        await MembershipSql.ChangeAsync(api.Database, other, [stranger], []);
        await MembershipSql.ChangeAsync(api.Database, segment, [customer], []);
        Assert.Equal(("joined", $"{key}-1"), (await stream.NextAsync()).Named);
    }

    [Fact]
    public async Task Stream_ResumedAnywhere_LosesAndRepeatsNothing()
    {
        const int Customers = 2_600;
        var (key, segment, customer) = await MakeAsync(Customers);
        await using var whole = await OpenAsync(key);
        var hello = await whole.NextAsync();
        var keys = Enumerable.Range(0, Customers).Select(n => customer + n).ToArray();
        await MembershipSql.ChangeAsync(api.Database, segment, keys, []); // More than two pages in one revision.
        await MembershipSql.ChangeAsync(api.Database, segment, [], keys[..1500]);
        await MembershipSql.ChangeAsync(api.Database, segment, keys[..7], keys[2000..2010]);
        var expected = keys.Select(k => ("joined", Id(k))).Concat(keys[..1500].Select(k => ("left", Id(k))))
            .Concat(keys[2000..2010].Select(k => ("left", Id(k)))).Concat(keys[..7].Select(k => ("joined", Id(k)))).ToList();
        var all = await whole.NextAsync(expected.Count);
        Assert.Equal(expected, all.Select(e => e.Named));
        Assert.Equal(expected.Count, all.Select(e => e.Id).Distinct().Count());

        foreach (var seen in new[]
        {
            0, 1, 999, 1000, 1001, Customers - 1, Customers, Customers + 1, Customers + 1500, expected.Count - 7, expected.Count - 1
        })
        {
            await using var resumed = await OpenAsync(key, seen == 0 ? hello.Id : all[seen - 1].Id);
            Assert.Equal("hello", (await resumed.NextAsync()).Type);
            Assert.Equal(expected[seen], (await resumed.NextAsync()).Named);
            if (seen is 999 or Customers)
            {
                Assert.Equal(expected[(seen + 1)..], (await resumed.NextAsync(expected.Count - seen - 1)).Select(e => e.Named));
            }
        }

        // Customers who have been erased meanwhile are skipped; the rest is there.
        await MembershipSql.RunAsync(api.Database, $"DELETE FROM customers WHERE key BETWEEN {customer + 1} AND {customer + 1200}");
        await using var after = await OpenAsync(key, all[0].Id, byQuery: true);
        Assert.Equal("hello", (await after.NextAsync()).Type);
        Assert.Equal(
            expected[1..].Where(e => int.Parse(e.Item2[(key.Length + 1)..]) is 1 or > 1201),
            (await after.NextAsync(expected.Count - 1 - 1200 - 1200 - 6)).Select(e => e.Named));

        string Id(long k) => $"{key}-{k - customer + 1}";
    }

    [Fact]
    public async Task Stream_CutAgainAndAgainWhileItGrows_AddsUp()
    {
        var (key, segment, customer) = await MakeAsync(50);
        string? last;
        await using (var first = await OpenAsync(key))
        {
            last = (await first.NextAsync()).Id;
        }

        // Everything expected is computed before any of it is written: else the last one may come while more is waited for.
        List<(string, string)> expected = [], received = [];
        List<(long[] Join, long[] Leave)> changes = [];
        HashSet<long> members = [];
        var random = new Random(7);
        for (var i = 0; i < 120; i++)
        {
            var touched = Enumerable.Range(0, random.Next(1, 9)).Select(_ => customer + random.Next(50)).Distinct().Order().ToArray();
            var (leave, join) = (touched.Where(members.Contains).ToArray(), touched.Where(k => !members.Contains(k)).ToArray());
            members.ExceptWith(leave);
            members.UnionWith(join);
            changes.Add((join, leave));
            expected.AddRange(
                leave.Select(k => ("left", $"{key}-{k - customer + 1}")).Concat(join.Select(k => ("joined", $"{key}-{k - customer + 1}"))));
        }

        var writing = Task.Run(async () =>
        {
            foreach (var (join, leave) in changes)
            {
                await MembershipSql.ChangeAsync(api.Database, segment, join, leave);
                await Task.Delay(random.Next(20));
            }
        });
        var cuts = new Random(11);
        while (received.Count < expected.Count)
        {
            await using var stream = await OpenAsync(key, last);
            Assert.Equal("hello", (await stream.NextAsync()).Type);
            for (var n = cuts.Next(1, 60); n > 0 && received.Count < expected.Count; n--)
            {
                var next = await stream.NextAsync();
                received.Add(next.Named);
                last = next.Id;
            }
        }

        await writing;
        Assert.Equal(expected, received);
    }

    [Fact]
    public async Task Stream_QuietSegment_HeartbeatsAndItsPositionMovesOn()
    {
        var (key, _, _) = await MakeAsync(1);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/segments/{key}/stream");
        using var answer = await api.Api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var hello = (await LinesAsync(3))[1];
        var (_, other, stranger) = await MakeAsync(1);
        await MembershipSql.ChangeAsync(api.Database, other, [stranger], []);
        var beats = (await LinesAsync(5)).Concat(await LinesAsync(5)).ToList();
        Assert.Contains(":", beats);
        Assert.Contains(beats, l => l.StartsWith("id: ", StringComparison.Ordinal) && l != hello);

        async Task<List<string>> LinesAsync(int count)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            List<string> lines = [];
            while (lines.Count < count)
            {
                lines.Add((await reader.ReadLineAsync(limit.Token))!);
            }

            return lines;
        }
    }

    [Fact]
    public async Task Stream_SegmentDeleted_Ends()
    {
        var (key, segment, customer) = await MakeAsync(1);
        await using var stream = await OpenAsync(key);
        Assert.Equal("hello", (await stream.NextAsync()).Type);
        await MembershipSql.ChangeAsync(api.Database, segment, [customer], []);
        Assert.Equal("joined", (await stream.NextAsync()).Type);
        (await api.Api.DeleteAsync($"segments/{key}")).Expect(204);
        Assert.Equal("segment.deleted", (await stream.NextAsync()).Type);
        Assert.True(await stream.EndsAsync());
        (await api.Api.GetAsync($"segments/{key}/stream")).Expect(404);
    }

    [Fact]
    public async Task Stream_PositionThatIsNoLongerStored_SaysGap()
    {
        var (key, segment, customer) = await MakeAsync(3);
        var ahead = System.Buffers.Text.Base64Url.EncodeToString("[9000000000000,2,0]"u8);
        await using (var future = await OpenAsync(key, ahead))
        {
            Assert.Equal(("hello", "gap"), ((await future.NextAsync()).Type, (await future.NextAsync()).Type));
            await MembershipSql.ChangeAsync(api.Database, segment, [customer], []);
            Assert.Equal(("joined", $"{key}-1"), (await future.NextAsync()).Named);
        }

        var second = await MembershipSql.ChangeAsync(api.Database, segment, [customer + 1], []);
        await MembershipSql.ChangeAsync(api.Database, segment, [customer + 2], []);
        await MembershipSql.RunAsync(api.Database, $"DELETE FROM membership_batches WHERE id < {second}"); // What retention does.
        await using var stored = await OpenAsync(
            key, System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes($"[{second - 1},2,0]")));
        Assert.Equal(("hello", "joined"), ((await stored.NextAsync()).Type, (await stored.NextAsync()).Type));
        await using var lost = await OpenAsync(
            key, System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes($"[{second - 2},2,0]")));
        Assert.Equal(
            ("hello", "gap", "joined"), ((await lost.NextAsync()).Type, (await lost.NextAsync()).Type, (await lost.NextAsync()).Type));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("WzFd")]
    [InlineData("WzEsMiwzLDRd")]
    [InlineData("Wy0xLDAsMF0")]
    [InlineData("WzEsOSwwXQ")]
    [InlineData("bnVsbA")]
    [InlineData("WzFlOTksMCwwXQ")]
    [InlineData("!!!")]
    public async Task Stream_ForeignPosition_Is400(string position)
    {
        var (key, _, _) = await MakeAsync(1);
        Assert.Equal(["lastEventId"], (await api.Api.GetAsync($"segments/{key}/stream?lastEventId={position}")).Expect(400).Faults);
        Assert.Equal(["Last-Event-ID"], (await api.Api.GetAsync($"segments/{key}/stream", ("Last-Event-ID", position))).Expect(400).Faults);
        (await api.Api.GetAsync("segments/%00/stream")).Expect(400);
    }

    [Fact]
    public async Task Stream_ManyListeners_ReadTheirSegmentOnce()
    {
        var (key, segment, customer) = await MakeAsync(40);
        var statements = 0;
        using var watch = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                var sql = activity.TagObjects.Select(t => t.Value).OfType<string>();
                if (sql.Any(s => s.Contains("FROM unnest($2, $3, $4) WITH ORDINALITY", StringComparison.Ordinal)))
                {
                    Interlocked.Increment(ref statements);
                }
            },
        };
        ActivitySource.AddActivityListener(watch);
        var one = await FollowAsync(1, customer, customer + 20);
        var many = await FollowAsync(60, customer + 20, customer + 40);
        Assert.True(one is > 0 and <= 20 && many is > 0 and <= 20, $"{one} statements for one stream, {many} for sixty");

        async Task<int> FollowAsync(int count, long from, long to)
        {
            var streams = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => OpenAsync(key)));
            await Task.WhenAll(streams.Select(s => s.NextAsync()));
            Volatile.Write(ref statements, 0);
            for (var c = from; c < to; c++)
            {
                await MembershipSql.ChangeAsync(api.Database, segment, [c], []);
                await Task.WhenAll(streams.Select(s => s.NextAsync()));
            }

            var read = Volatile.Read(ref statements);
            foreach (var stream in streams)
            {
                await stream.DisposeAsync();
            }

            return read;
        }
    }

    [Fact]
    public async Task Stream_FallsBehind_GetsAGapAndEnds_OthersGoOn()
    {
        var (key, segment, _) = await MakeAsync(1);
        using var feed = new MembershipFeed(api.Database, NullLogger<MembershipFeed>.Instance);
        using var streams = new ChangeStreams(api.Database, feed, new StreamOptions());
        using var prompt = feed.Subscribe(segment);
        using var body = new StoppedBody();
        var writing = (await streams.OpenAsync(key, null, default)).WriteToAsync(body, default);
        prompt.Segment.Notify(1_000_000, false, default);
        ChangePosition At(int n) => new(1_000_001 + n, ChangePosition.Joined, 1);
        await PublishAsync(0);
        await body.Stopped; // It writes the first, and does not come back from it.
        for (var n = 1; n <= Subscription.MaxPages + 1; n++)
        {
            await PublishAsync(n);
        }

        body.GoOn();
        await writing;
        var text = Encoding.UTF8.GetString(body.ToArray());
        Assert.EndsWith(
            $"event: gap\nid: {At(Subscription.MaxPages + 1)}\ndata: {{\"segment\":\"{key}\"}}\n\n", text, StringComparison.Ordinal);
        Assert.Contains("c-0", text);
        Assert.DoesNotContain("c-2\"", text);
        Assert.False(prompt.IsBehind);

        async Task PublishAsync(int n)
        {
            var page = new ChangePage([new StreamChange(At(n), $"c-{n}", DateTimeOffset.UtcNow, MembershipCause.Event, null, 1)]);
            prompt.Segment.Publish(page, At(n));
            Assert.True(await prompt.WaitAsync(default) && prompt.TryRead(out var read) && read == page);
        }
    }

    // Stops its writer at the first change, until it may go on.
    private sealed class StoppedBody : MemoryStream
    {
        private readonly TaskCompletionSource stopped = new(), going = new();

        public Task Stopped => stopped.Task;

        public void GoOn() => going.SetResult();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            if (buffer.Span.IndexOf("event: joined"u8) >= 0)
            {
                stopped.TrySetResult();
                await going.Task;
            }
        }
    }

    [Fact]
    public async Task Stream_ManyListeners_HoldNoConnection()
    {
        var (key, segment, customer) = await MakeAsync(1);
        var streams = await Task.WhenAll(Enumerable.Range(0, 150).Select(_ => OpenAsync(key)));
        await Task.WhenAll(streams.Select(s => s.NextAsync()));
        await MembershipSql.ChangeAsync(api.Database, segment, [customer], []);
        Assert.All(await Task.WhenAll(streams.Select(s => s.NextAsync())), e => Assert.Equal("joined", e.Type));
        Assert.True(await MembershipSql.ScalarAsync<long>(
            api.Database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") <= 105);
        foreach (var stream in streams)
        {
            await stream.DisposeAsync();
        }
    }

    private async Task<(string Key, int Segment, long Customer)> MakeAsync(int customers)
    {
        var key = $"live-{Interlocked.Increment(ref made)}";
        return (key, await MembershipSql.SegmentAsync(api.Database, key), await MembershipSql.CustomersAsync(api.Database, key, customers));
    }

    private Task<Listener> OpenAsync(string key, string? after = null, bool byQuery = false) =>
        Listener.OpenAsync(api.Api.Client, key, after, byQuery);
}
