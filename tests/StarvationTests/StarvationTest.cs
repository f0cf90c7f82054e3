using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using KillTests;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Segmentation.Benchmarks;
using Segmentation.Local;

namespace StarvationTests;

/// <summary>
/// Measures cheap calls alone and then beside a load, for each load: no status but 200, and a p99 of at most three times that of before.
/// </summary>
internal static class StarvationTest
{
    private const int MaxRatio = 3;
    private const double MaxMemory = 1024;

    // What .NET takes for its heap where a container has 1 GiB: three quarters, in hexadecimal digits.
    private const string HeapOfOneGigabyte = "30000000";

    // Below so many milliseconds a ratio says nothing of the service: the client's own scheduling is as much.
    private const double LeastP99 = 10;

    public static async Task<int> RunAsync(StarvationOptions options)
    {
        var folder = ScratchFolder.Create("segmentation-starvation-");
        var postgres = await EmbeddedPostgres.StartAsync(
            new EmbeddedOptions { DataDirectory = folder }, NullLogger.Instance, CancellationToken.None);
        ApiProcess? api = null;
        await using var cleanup = new Cleanup(CleanAsync);
        async Task CleanAsync()
        {
            if (api is not null)
            {
                await api.DisposeAsync();
            }

            await postgres.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }

        await using var source = NpgsqlDataSource.Create(postgres.ConnectionString);
        api = await ApiProcess.StartAsync(
            options.Api, postgres.ConnectionString, flag: null, ("Database__MigrateOnStart", "true"),
            ("Serilog__MinimumLevel__Default", "Error"),
            ("DOTNET_GCHeapHardLimit", HeapOfOneGigabyte));
        await FillAsync(api.Http);
        return options.Minutes > 0
            ? await LoadTest.RunAsync(api, api.Http, options.Minutes)
            : await MeasureAsync(options, api, source);
    }

    private static async Task<int> MeasureAsync(StarvationOptions options, ApiProcess api, NpgsqlDataSource source)
    {
        using var http = new HttpClient { BaseAddress = api.Http.BaseAddress, Timeout = TimeSpan.FromMinutes(5) };
        using var loaded = new HttpClient { BaseAddress = api.Http.BaseAddress, Timeout = TimeSpan.FromMinutes(5) };
        var loads = new StarvationLoads(loaded);
        await CheapCalls.MeasureAsync(http, 10, CountAsync); // Compiles what is compiled once.
        Console.WriteLine("| load | cheap calls | p50, ms | p99, ms | calls | not 200 | connections | API, MB |");
        Console.WriteLine("| --- | --- | --: | --: | --: | --- | --: | --: |");
        var faults = 0;
        foreach (var load in loads.All(options.Percent).Where(l => options.Only.Length == 0 || options.Only.Contains(l.Name)))
        {
            if (load.Name == "key")
            {
                http.DefaultRequestHeaders.Authorization = new("Bearer", await CreateKeyAsync(http, 100_000, "admin"));
                loads.ImpatientKey = await CreateKeyAsync(http, perSecond: null);
            }

            var alone = await CheapCalls.MeasureAsync(http, options.Seconds, CountAsync);
            Show(load, "alone", alone, api.Resident());
            using var end = new CancellationTokenSource();
            loads.Answers.Clear();
            using var memory = new MemoryWatch(api);
            var running = Enumerable.Range(0, load.Count).Select(n => RunAsync(load, n, end.Token)).ToArray();
            await Task.Delay(3000);
            var beside = await CheapCalls.MeasureAsync(http, options.Seconds, CountAsync);
            await end.CancelAsync();
            await Task.WhenAll(running);
            Show(load, "beside it", beside, memory.Most);
            var ratio = Math.Max(beside.P99, LeastP99) / Math.Max(alone.P99, LeastP99);
            var isFault = alone.Failures.Count + beside.Failures.Count > 0 || ratio > MaxRatio || memory.Most > MaxMemory;
            faults += isFault ? 1 : 0;
            var answers = string.Join(", ", loads.Answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Value} x {a.Key}"));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| | {(isFault ? "**no**" : "yes")} | | {ratio:0.0} times | | the load got {answers} | | |"));
            await Task.Delay(3000);
        }

        Console.WriteLine($"{faults} faults");
        return faults == 0 ? 0 : 1;

        async Task<int> CountAsync()
        {
            await using var command = source.CreateCommand(
                "SELECT count(*)::integer FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
            return (int)(await command.ExecuteScalarAsync())!;
        }
    }

    private static async Task RunAsync(StarvationLoad load, int number, CancellationToken end)
    {
        try
        {
            await load.RunAsync(number, end);
        }
        catch (Exception ended) when (end.IsCancellationRequested && ended is OperationCanceledException or IOException)
        {
        }
    }

    private static void Show(StarvationLoad load, string when, CheapResult result, double memory) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"| {load.Count} {load.Name} | {when} | {result.Text} | {result.Connections} | {memory:0} |"));

    private static async Task<string> CreateKeyAsync(HttpClient http, int? perSecond, params string[] more)
    {
        var body = new
        {
            name = "starvation",
            scopes = (string[])["customers:read", "membership:read", "segments:read", "events:write", .. more],
            limits = perSecond is { } n ? new { perSecond = n, burst = 10 * n } : null,
        };
        using var answer = await http.PostAsJsonAsync("api-keys", body);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("secret").GetString()!;
    }

    private static async Task FillAsync(HttpClient http)
    {
        var note = new string('x', 200);
        await SendAsync(HttpMethod.Put, "segments/everyone", """{"rule":{"combinator":"and","rules":[]},"status":"active"}""");
        await SendAsync(HttpMethod.Put, "segments/spenders", Active("""{"field":"value.lifetimeValue","operator":">=","value":100}"""));
        await SendAsync(HttpMethod.Put, "segments/recent", Active(
            """
            {"field":"behavioral.lastEventAt","operator":">","value":{"mode":"relative","anchor":"now","offset":-1,"unit":"hour"}}
            """));
        await SendAsync(HttpMethod.Put, "segments/by-hand", """{"kind":"manual","status":"active"}""");
        await SendAsync(HttpMethod.Post, "customers/import", string.Join('\n', Enumerable.Range(0, StarvationLoads.Customers).Select(
            i => $$"""{"id":"customer-{{i}}","email":"c{{i}}@example.com","firstName":"{{note}}"}""")), "application/x-ndjson");
        await SendAsync(HttpMethod.Post, "events", string.Join('\n', Enumerable.Range(0, 4 * StarvationLoads.Customers).Select(
            i => $$"""{"id":"{{i}}","customerId":"customer-{{i * 7 % StarvationLoads.Customers}}","type":"seen","amount":{{i % 100}}}""")),
            "application/x-ndjson");
        var first = DateTimeOffset.UtcNow.AddDays(-200);
        await SendAsync(HttpMethod.Post, "events", string.Join('\n', Enumerable.Range(0, StarvationLoads.BusyEvents).Select(i =>
            $$"""{"customerId":"{{StarvationLoads.Busy}}","type":"step-{{i % 5}}","occurredAt":"{{first.AddMinutes(2.5 * i):O}}"}""")),
            "application/x-ndjson");

        static string Active(string condition) =>
            $$$"""{"rule":{"combinator":"and","rules":[{{{condition}}}]},"status":"active"}""";

        async Task SendAsync(HttpMethod method, string path, string body, string type = "application/json")
        {
            using var request = new HttpRequestMessage(method, path) { Content = new StringContent(body, Encoding.UTF8, type) };
            using var answer = await http.SendAsync(request);
            if (!answer.IsSuccessStatusCode)
            {
                throw new InvalidOperationException($"{path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            }
        }
    }
}
