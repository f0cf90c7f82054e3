using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace StarvationTests;

/// <summary>What cheap calls got: how long they took, and how many were no 200.</summary>
internal sealed record CheapResult(double P50, double P99, int Calls, IReadOnlyDictionary<string, int> Failures, int Connections)
{
    public string Text => string.Create(CultureInfo.InvariantCulture, $"{P50:0.0} | {P99:0.0} | {Calls} | {Failed}");

    private string Failed => Failures.Count == 0 ? "0" : string.Join(", ", Failures.Select(f => $"{f.Value} x {f.Key}"));
}

/// <summary>Callers with cheap requests, which no load may hurt: each waits for its answer and a little, and asks again.</summary>
internal static class CheapCalls
{
    private const int Callers = 8;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static async Task<CheapResult> MeasureAsync(HttpClient http, int seconds, Func<Task<int>> countConnections)
    {
        ConcurrentBag<double> times = [];
        ConcurrentDictionary<string, int> failures = [];
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var connections = 0;
        var callers = Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var n = caller; !end.IsCancellationRequested; n++)
            {
                using var request = Create(n);
                var name = $"{request.Method} {request.RequestUri}".Split('?')[0];
                var started = Stopwatch.GetTimestamp();
                try
                {
                    using var answer = await http.SendAsync(request);
                    if ((int)answer.StatusCode != 200)
                    {
                        failures.AddOrUpdate($"{(int)answer.StatusCode} {name}", 1, (_, count) => count + 1);
                    }
                }
                catch (HttpRequestException cut)
                {
                    failures.AddOrUpdate($"{cut.HttpRequestError} {name}", 1, (_, count) => count + 1);
                }

                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                await Task.Delay(Pause);
            }
        });
        var watching = Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                connections = Math.Max(connections, await countConnections());
                await Task.Delay(500);
            }
        });
        await Task.WhenAll(callers.Append(watching));
        double[] sorted = [.. times.Order()];
        return new CheapResult(sorted[sorted.Length / 2], sorted[sorted.Length * 99 / 100], sorted.Length, failures, connections);
    }

    private static HttpRequestMessage Create(int n)
    {
        var customer = $"customer-{n * 7919 % StarvationLoads.CheapCustomers}";
        return (n % 6) switch
        {
            0 => new(HttpMethod.Get, $"customers/{customer}"),
            1 => new(HttpMethod.Get, $"customers/{customer}/segments"),
            2 => new(HttpMethod.Get, "segments/everyone"),
            3 => new(HttpMethod.Get, "segments?limit=10"),
            4 => new(HttpMethod.Post, "events")
            {
                Content = new StringContent(
                    $$"""{"customerId":"{{customer}}","type":"page_viewed"}""", Encoding.UTF8, "application/json"),
            },
            _ => new(HttpMethod.Get, "/health/ready"),
        };
    }
}
