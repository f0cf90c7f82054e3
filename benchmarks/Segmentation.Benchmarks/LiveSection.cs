using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using Npgsql;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>What stored membership costs the ingest, and how soon an event is seen in it.</summary>
internal static class LiveSection
{
    private const int MostEvents = 50_000;
    private const string Probe = "bench-probe";
    private static readonly TimeSpan AtRate = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan SendEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeEvery = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<string> RunAsync(World world)
    {
        // What an interrupted run has left would be seen before it is sent.
        using var left = await world.Api.Http.DeleteAsync(new Uri($"segments/{Probe}", UriKind.Relative));
        await world.ExecuteAsync("DELETE FROM events WHERE type = 'bench_probe'");
        var built = await StoredSegments.EnsureAsync(world);
        var rows = await IngestSection.SampleAsync(world, MostEvents);
        var probes = (int)(AtRate / ProbeEvery);
        var random = new Random(49);
        string[] probed =
        [
            .. Enumerable.Range(0, 2 * probes).Select(_ => SampleGenerator.Id(random.Next(world.Options.Customers))).Distinct().Take(probes)
        ];
        var probedKeys = await KeysAsync(world, probed);
        await using var connection = await world.Plain.OpenConnectionAsync();
        await IngestSection.SaveCountersAsync(connection, rows.Select(r => r.Key).Concat(probedKeys.Values));
        var rounds = Math.Min(world.Options.Repeat, 3);
        List<double> with = [], without = [], behind = [];
        Visible visible;
        double most;
        try
        {
            using (var memory = new MemoryWatch(world.Api))
            {
                await RoundsAsync(
                    world.Api,
                    "with",
                    with,
                    async () => behind.Add(await Measure.TimeAsync(() => StoredSegments.SettledAsync(world, DateTime.UtcNow)) / 1000));
                visible = await VisibleAsync(world, rows, new Times(with).Median / 2, probed, probedKeys);
                most = memory.Most;
            }

            // Nobody maintains membership: this process is the leader, and the segments are no longer active.
            await world.Api.DisposeAsync();
            await StoredSegments.CleanAsync(world);
            await using var leadership = await StoredSegments.HoldLeadershipAsync(world);
            await using var bare = await ApiProcess.StartAsync(world.Options.Api, world.ConnectionString);
            await RoundsAsync(bare, "without", without, () => Task.CompletedTask);
        }
        finally
        {
            await Loader.ExecuteAsync(
                connection,
                "DELETE FROM events WHERE (id LIKE 'live-%' OR type = 'bench_probe') AND customer_key IN (SELECT key FROM bench_counters)");
            await IngestSection.RestoreCountersAsync(connection);
        }

        async Task RoundsAsync(ApiProcess api, string name, List<double> rates, Func<Task> afterwards)
        {
            for (var round = -1; round < rounds; round++)
            {
                var prefix = $"live-{name}{round}-";
                var ms = await Measure.TimeAsync(() => api.PostAsync("events", Ndjson(IngestSection.Body(rows, prefix))));
                await afterwards();
                if (round >= 0)
                {
                    rates.Add(rows.Count / ms * 1000);
                }

                World.Log($"{name}, round {round}: {Text.Number(rows.Count / ms * 1000)} events a "
                    + $"second{(behind.Count > 0 && name == "with" ? $", settled {behind[^1]:0.0} s later" : "")}");
                await IngestSection.DeleteAsync(connection, rows, prefix);
            }
        }

        behind.RemoveAt(0);
        var (w, o, b) = (new Times(with), new Times(without), new Times(behind));
        world.Figures["ingestEvent"] = 1000 / w.Median;
        world.Figures["visible"] = visible.Times.Median;
        return $"""
            {built.Text}. {Text.Number(rows.Count)} events drawn from those loaded, NDJSON in one request, {rounds} rounds under new ids \
            after one that is not counted; with the segments, then in a new process without any. They are looked at while they come in and \
            after: {b.Median:0.0} s ({b.Min:0.0}–{b.Max:0.0}) after the answer.

            | ingest | events a second: median (least–most) | ratio |
            | --- | --: | --: |
            | with {built.Segments} active segments | {Text.Number(w.Median)} ({Text.Number(w.Min)}–{Text.Number(w.Max)}) | \
            {Text.Ratio(w.Median / o.Median)} (aim 0.50) |
            | without | {Text.Number(o.Median)} ({Text.Number(o.Min)}–{Text.Number(o.Max)}) | 1 |

            At half of that, {Text.Number(visible.Aimed)} events a second (of which {Text.Number(visible.Sent)} were taken: a request each \
            {SendEvery.TotalMilliseconds:0} ms), for {AtRate.TotalSeconds:0} s, after twice as long that is not counted; beside them an \
            event each {ProbeEvery.TotalMilliseconds:0} ms that makes a customer a member of one more segment. From the
            answer to that event until its row in `memberships` is seen by a query sent every {PollEvery.TotalMilliseconds:0} ms (it takes \
            the machine too), {visible.Times.Count} of them:

            | p50, ms | p99, ms | most, ms | not seen within {Patience.TotalSeconds:0} s | exponent of p50 |
            | --: | --: | --: | --: | --: |
            | {Text.Ms(visible.Times.Median)} | {Text.Ms(visible.Times.At(0.99))} (aim 1000) | {Text.Ms(visible.Times.Max)} | \
            {visible.Missing} | {world.Exponent("visible")} |

            The API's resident memory: {Text.Number(most)} MB at most (aim 400).
            """;
    }

    private static async Task<Visible> VisibleAsync(
        World world, IReadOnlyList<IngestSection.Row> rows, double rate, string[] probed, IReadOnlyDictionary<string, long> keys)
    {
        await world.Api.PutSegmentAsync(
            Probe,
            """
            {"combinator":"and","rules":[{"field":"behavioral.events","operator":"=","match":{"mode":"some"},
            "value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"bench_probe"}]}}]}
            """);
        var segment = await world.ScalarAsync($"SELECT id FROM segments WHERE key = '{Probe}'");
        await StoredSegments.UntilAsync("the probe is built", 20, async () => (
            await world.ScalarAsync($"SELECT count(*) FROM membership_states WHERE segment_id = {segment} AND status = 'Ready'") == 1,
            "not ready"));
        await StoredSegments.SettledAsync(world, DateTime.UtcNow);
        world.CheckSame(
            await world.ScalarAsync($"SELECT count(*) FROM memberships WHERE segment_id = {segment}"), 0, "members of the probe");

        ConcurrentDictionary<long, long> acknowledged = new(), seen = new();
        using var stop = new CancellationTokenSource();
        var watch = Task.Run(async () =>
        {
            await using var connection = await world.Plain.OpenConnectionAsync();
            await using var command = new NpgsqlCommand(
                $"SELECT customer_key FROM memberships WHERE segment_id = {segment} AND left_batch IS NULL", connection);
            while (!stop.IsCancellationRequested)
            {
                await using (var reader = await command.ExecuteReaderAsync())
                {
                    var now = Stopwatch.GetTimestamp();
                    while (await reader.ReadAsync())
                    {
                        seen.TryAdd(reader.GetInt64(0), now);
                    }
                }

                await Task.Delay(PollEvery);
            }
        });
        var size = Math.Max(1, (int)(rate * SendEvery.TotalSeconds));
        var sent = 0L;
        Task LoadAsync(string name) => PacedAsync(SendEvery, async n =>
        {
            var some = Enumerable.Range(0, size).Select(i => rows[(int)((((long)n * size) + i) % rows.Count)]).ToList();
            await world.Api.PostAsync("events", Ndjson(IngestSection.Body(some, $"live-{name}{n}-")));
            Interlocked.Add(ref sent, some.Count);
        });

        // As it is after some time: the code has been compiled, and each connection's process has mapped its pages.
        await LoadAsync("warm");
        await LoadAsync("warmer");
        sent = 0;
        var began = Stopwatch.GetTimestamp();
        var load = LoadAsync("half");
        var probing = PacedAsync(ProbeEvery, async n =>
        {
            if (n < probed.Length)
            {
                await world.Api.PostAsync(
                    "events",
                    ApiProcess.Json(string.Create(
                        CultureInfo.InvariantCulture, $$"""{"id":"live-probe","customerId":"{{probed[n]}}","type":"bench_probe"}""")));
                acknowledged[keys[probed[n]]] = Stopwatch.GetTimestamp();
            }
        });
        await Task.WhenAll(load, probing);
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var ended = Stopwatch.GetTimestamp();
        while (acknowledged.Keys.Any(k => !seen.ContainsKey(k)) && Stopwatch.GetElapsedTime(ended) < Patience)
        {
            await Task.Delay(20);
        }

        await stop.CancelAsync();
        await watch;

        // Seen before the answer had come: no wait at all.
        List<double> waits = [.. acknowledged.Where(a => seen.ContainsKey(a.Key))
            .Select(a => Math.Max(0, Stopwatch.GetElapsedTime(a.Value, seen[a.Key]).TotalMilliseconds))];
        var visible = new Visible(new Times(waits), acknowledged.Count - waits.Count, rate, sent / took);
        var quarters = acknowledged.Where(a => seen.ContainsKey(a.Key))
            .GroupBy(a => (int)(4 * Stopwatch.GetElapsedTime(began, a.Value) / AtRate))
            .OrderBy(q => q.Key)
            .Select(q => Text.Ms(new Times([.. q.Select(a => Stopwatch.GetElapsedTime(a.Value, seen[a.Key]).TotalMilliseconds)]).Median));
        World.Log($"p50 in each quarter of that time: {string.Join(", ", quarters)} ms");
        World.Log($"at {visible.Aimed:0} events a second, {visible.Sent:0} taken: p50 {Text.Ms(visible.Times.Median)} p99 "
            + $"{Text.Ms(visible.Times.At(0.99))} ms, {visible.Missing} of {acknowledged.Count} missing");
        return visible;
    }

    // By the clock, whether the ones before have ended or not; at most eight at once.
    private static async Task PacedAsync(TimeSpan every, Func<int, Task> send)
    {
        using var slots = new SemaphoreSlim(8);
        List<Task> running = [];
        var began = Stopwatch.GetTimestamp();
        for (var n = 0; n * every < AtRate; n++)
        {
            var wait = (n * every) - Stopwatch.GetElapsedTime(began);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait);
            }

            // What can't be sent in time is left out: the report says what rate was reached.
            if (Stopwatch.GetElapsedTime(began) > AtRate)
            {
                break;
            }

            await slots.WaitAsync();
            var number = n;
            running.Add(Task.Run(async () =>
            {
                try
                {
                    await send(number);
                }
                finally
                {
                    slots.Release();
                }
            }));
        }

        await Task.WhenAll(running);
    }

    private static async Task<IReadOnlyDictionary<string, long>> KeysAsync(World world, string[] ids)
    {
        var keys = new Dictionary<string, long>();
        await using var command = world.Plain.CreateCommand("SELECT id, key FROM customers WHERE id = ANY ($1)");
        command.Parameters.AddWithValue(ids);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            keys.Add(reader.GetString(0), reader.GetInt64(1));
        }

        return keys;
    }

    private static ByteArrayContent Ndjson(byte[] body) =>
        new(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-ndjson") } };

    private sealed record Visible(Times Times, int Missing, double Aimed, double Sent);
}
