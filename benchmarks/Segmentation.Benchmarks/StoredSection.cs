using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>A customer's segments from stored membership against the same statement by Npgsql alone, in process and over HTTP.</summary>
internal static class StoredSection
{
    public const string BareFlag = "--bare";

    private const string PlannedOnce = "force_generic_plan";
    private const int Connections = 16;
    private const int Warming = 5;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    public static async Task<string> RunAsync(World world)
    {
        var built = await StoredSegments.EnsureAsync(world);
        var random = new Random(48);
        string[] ids = [.. Enumerable.Range(0, 100_000).Select(_ => SampleGenerator.Id(random.Next(world.Options.Customers)))];
        await using var app = InProcess.Start(world.ConnectionString);
        await app.CallAsync((SegmentQuery query) => query.DefinitionsAsync(default));
        await using var bare = await ApiProcess.StartAsync(typeof(StoredSection).Assembly.Location, world.ConnectionString, BareFlag);
        await using var plain = World.PlainSource(world.ConnectionString, PlannedOnce);
        using var memory = new MemoryWatch(world.Api);

        var found = new long[4];
        Func<string, Task>[] ways =
        [
            async id => Interlocked.Add(ref found[0], await app.CallAsync(async (CustomerMembershipReader r) =>
                (await r.ReadActiveAsync(id, null, live: false, default)).Segments.Count)),
            async id => Interlocked.Add(ref found[1], (await BareAsync(plain, id))!.Length),
            async id => Interlocked.Add(ref found[2], (await world.Api.GetAsync($"customers/{id}/segments")).Length),
            async id => Interlocked.Add(ref found[3], (await bare.GetAsync($"customers/{id}/segments")).Length),
        ];
        foreach (var id in ids.Take(20))
        {
            var before = (found[0], found[1]);
            await ways[0](id);
            await ways[1](id);
            world.CheckSame(found[0] - before.Item1, found[1] - before.Item2, "segments");
        }

        var rounds = Math.Min(world.Options.Repeat, 4);
        var (rates, latencies) = (ways.Select(_ => new List<double>()).ToArray(), ways.Select(_ => new List<double>()).ToArray());
        for (var round = -1; round < rounds; round++)
        {
            // In process against in process, over HTTP against HTTP: neighbours in time.
            foreach (var way in round % 2 == 0 ? new[] { 0, 1, 2, 3 } : [1, 0, 3, 2])
            {
                var (rate, times) = await LoadAsync(ids, ways[way], Connections, round < 0 ? Warming * Window : Window);
                if (round >= 0)
                {
                    rates[way].Add(rate);
                    latencies[way].AddRange(times);
                }
            }

            World.Log($"round {round}: {string.Join(", ", rates.Select(r => Text.Number(r.LastOrDefault())))} a second");
        }

        var (r, l) = (rates.Select(x => new Times(x)).ToArray(), latencies.Select(x => new Times(x)).ToArray());
        world.Figures["storedInProcess"] = l[0].Median;
        world.Figures["storedHttp"] = l[2].Median;
        string Row(string name, int way, int against, string aim, string figure) =>
            $"| {name} | {Text.Number(r[way].Median)} ({Text.Number(r[way].Min)}–{Text.Number(r[way].Max)}) | {Text.Ms(l[way].Median)} | "
                + $"{Text.Ms(l[way].At(0.99))} | {(way == against ? "1" : $"{Text.Ratio(r[way].Median / r[against].Median)}{aim}")} | "
                + $"{figure} |";
        return $"""
            {built.Text}. {Connections} workers ask for customers drawn evenly, each as soon as it has its answer, for \
            {Window.TotalSeconds:0} s at a time, {rounds} times in turn, after {Warming} times as long that is not counted: each \
            connection's process has the pages to find that others have in memory. All four send the same statement, prepared, with a plan \
            made once: Npgsql alone for a customer, from a connection for each of the workers; the service for all that are waiting, from \
            one a core.
            In process: the service's own code from the id to the list of segments, against Npgsql alone from the id to the array of their \
            ids. Over HTTP: the API, against a minimal Kestrel endpoint in a process of its own that answers that array; the client takes
            its share of the two cores on either side.

            | way | requests a second: median (least–most) | p50, ms | p99, ms | ratio | exponent of p50 |
            | --- | --: | --: | --: | --: | --: |
            {Row("in process: the service", 0, 1, " (aim 0.90)", world.Exponent("storedInProcess"))}
            {Row("in process: Npgsql alone", 1, 1, "", "")}
            {Row("`GET /customers/ID/segments` (aim p99 5 ms)", 2, 3, " (aim 0.90)", world.Exponent("storedHttp"))}
            {Row("Npgsql alone behind Kestrel", 3, 3, "", "")}

            The API's resident memory: {Text.Number(memory.Most)} MB at most (aim 400).
            """;
    }

    /// <summary>Serves what the API is compared with: the statement, and nothing else.</summary>
    public static async Task ServeBareAsync(string[] args)
    {
        var source = World.PlainSource(Environment.GetEnvironmentVariable("ConnectionStrings__Segmentation")!, PlannedOnce);
        var builder = WebApplication.CreateSlimBuilder([.. args.Where(a => a != BareFlag)]);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning); // As in the API: no line for a request.
        await using var app = builder.Build();
        app.MapGet(
            "/api/v1/customers/{id}/segments",
            async (string id) => await BareAsync(source, id) is { } segments ? Results.Ok(segments) : Results.NotFound());
        await app.RunAsync();
    }

    private static async Task<int[]?> BareAsync(NpgsqlDataSource source, string id)
    {
        await using var command = source.CreateCommand(StoredMembership.CustomerSql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id, NpgsqlDbType = NpgsqlDbType.Text });
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync() ? reader.GetFieldValue<int[]>(2) : null;
    }

    /// <summary>Senders that each send the next request as soon as they have their answer, for as long as the window.</summary>
    public static async Task<(double Rate, List<double> Times)> LoadAsync(
        string[] ids, Func<string, Task> request, int senders, TimeSpan window)
    {
        var next = -1;
        var began = Stopwatch.GetTimestamp();
        var times = await Task.WhenAll(Enumerable.Range(0, senders).Select(_ => Task.Run(async () =>
        {
            List<double> own = [];
            while (Stopwatch.GetElapsedTime(began) < window)
            {
                own.Add(await Measure.TimeAsync(() => request(ids[Interlocked.Increment(ref next) % ids.Length])));
            }

            return own;
        })));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return (times.Sum(t => t.Count) / seconds, [.. times.SelectMany(t => t)]);
    }
}
