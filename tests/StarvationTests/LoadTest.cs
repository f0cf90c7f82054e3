using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Segmentation.Benchmarks;

namespace StarvationTests;

/// <summary>
/// What a day is like, all at once: of 100 requests 80 ask about one customer, 15 send an event, 4 list or count, one previews a rule.
/// For minutes: memory must not grow. Then every segment is built anew beside it.
/// </summary>
internal static class LoadTest
{
    private const int Callers = 8;
    private const double MaxGrowth = 0.05;
    private const double MaxRatio = 3;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private static readonly string[] Kinds = ["one customer", "an event", "lists and counts", "a preview"];

    public static async Task<int> RunAsync(ApiProcess api, HttpClient http, int minutes)
    {
        await MeasureAsync(http, TimeSpan.FromSeconds(20), () => Task.CompletedTask); // Compiles what is compiled once.
        var part = TimeSpan.FromMinutes(minutes / 4.0);
        List<double> memory = [];
        var sampling = true;
        var watching = Task.Run(async () =>
        {
            while (Volatile.Read(ref sampling))
            {
                memory.Add(api.Resident());
                await Task.Delay(500);
            }
        });
        var alone = await MeasureAsync(http, 4 * part, () => Task.CompletedTask);
        Volatile.Write(ref sampling, false);
        await watching;
        var refreshes = 0;
        var beside = await MeasureAsync(http, part, async () =>
        {
            foreach (var segment in new[] { "everyone", "spenders", "recent" })
            {
                using var answer = await http.PostAsync(new Uri($"segments/{segment}/refresh", UriKind.Relative), content: null);
                refreshes += answer.IsSuccessStatusCode ? 1 : 0;
            }

            await Task.Delay(1000);
        });

        Console.WriteLine("| | requests | a second | p50, ms | p99, ms | no success |");
        Console.WriteLine("| --- | --: | --: | --: | --: | --: |");
        Show("all", alone, 4 * part);
        for (var kind = 0; kind < Kinds.Length; kind++)
        {
            Show(Kinds[kind], [.. alone.Where(c => c.Kind == kind)], 4 * part);
        }

        Show($"all, beside {refreshes} refreshes", beside, part);
        var (third, last) = (Mean(memory, 2), Mean(memory, 3));
        var ratio = Percentile(beside, 99) / Percentile(alone, 99);
        var faults = alone.Concat(beside).Count(c => !c.IsSuccess) + (Math.Abs((last / third) - 1) > MaxGrowth ? 1 : 0)
            + (ratio > MaxRatio ? 1 : 0);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Memory: {third:0} MB in the third quarter, {last:0} MB in the last ({(last / third) - 1:+0.0%;-0.0%}). "
            + $"Beside refreshes p99 is {ratio:0.0} times."));
        Console.WriteLine($"{faults} faults");
        return faults == 0 ? 0 : 1;
    }

    private static async Task<IReadOnlyList<Call>> MeasureAsync(HttpClient http, TimeSpan time, Func<Task> besideAsync)
    {
        ConcurrentBag<Call> calls = [];
        var ends = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        var callers = Enumerable.Range(0, Callers).Select(async caller =>
        {
            var random = new Random(caller);
            while (Stopwatch.GetTimestamp() < ends)
            {
                var (kind, request) = Create(random);
                var started = Stopwatch.GetTimestamp();
                using (request)
                {
                    using var answer = await http.SendAsync(request);
                    calls.Add(new Call(kind, Stopwatch.GetElapsedTime(started).TotalMilliseconds, answer.IsSuccessStatusCode));
                }

                await Task.Delay(Pause);
            }
        });
        var beside = Task.Run(async () =>
        {
            while (Stopwatch.GetTimestamp() < ends)
            {
                await besideAsync();
                await Task.Delay(Pause);
            }
        });
        await Task.WhenAll(callers.Append(beside));
        return [.. calls];
    }

    private static (int Kind, HttpRequestMessage Request) Create(Random random)
    {
        var customer = $"customer-{random.Next(StarvationLoads.Customers)}";
        return random.Next(100) switch
        {
            < 40 => (0, Get($"customers/{customer}/segments")),
            < 60 => (0, Get($"customers/{customer}")),
            < 80 => (0, Get($"segments/spenders/members/{customer}")),
            < 95 => (1, Post("events", $$"""{"customerId":"{{customer}}","type":"seen","amount":{{random.Next(100)}}}""")),
            < 97 => (2, Get("segments/spenders/members?fields=id&limit=100")),
            < 98 => (2, Get("segments/recent/count")),
            < 99 => (2, Get("segments?limit=50")),
            _ => (3, Post(
                "segments/preview",
                $$$"""
                {"rule":{"combinator":"and","rules":[{"field":"value.lifetimeValue","operator":">","value":{{{random.Next(500)}}}}]}}
                """)),
        };
    }

    private static HttpRequestMessage Get(string path) => new(HttpMethod.Get, path);

    private static HttpRequestMessage Post(string path, string body) =>
        new(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private static void Show(string name, IReadOnlyList<Call> calls, TimeSpan time) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {name} | {calls.Count} | {calls.Count / time.TotalSeconds:0} | {Percentile(calls, 50):0.0} | {Percentile(calls, 99):0.0} | "
        + $"{calls.Count(c => !c.IsSuccess)} |"));

    private static double Percentile(IReadOnlyList<Call> calls, int percent)
    {
        double[] sorted = [.. calls.Select(c => c.Milliseconds).Order()];
        return sorted[sorted.Length * percent / 100];
    }

    private static double Mean(List<double> values, int quarter) =>
        values.Skip(values.Count * quarter / 4).Take(values.Count / 4).Average();

    private sealed record Call(int Kind, double Milliseconds, bool IsSuccess);
}
