using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>The real API in a process of its own, used over HTTP.</summary>
internal sealed class ApiProcess : IAsyncDisposable
{
    private const int TailLines = 60;

    private readonly Process process;
    private readonly Queue<string> tail = [];
    private bool disposed;

    private ApiProcess(Process process, HttpClient http) => (this.process, Http) = (process, http);

    public HttpClient Http { get; }

    public bool HasExited => process.HasExited;

    /// <param name="flag">One more argument; null for none.</param>
    /// <param name="settings">Environment variables.</param>
    public static async Task<ApiProcess> StartAsync(
        string assembly, string connectionString, string? flag = null, params (string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [assembly, "--urls", "http://127.0.0.1:0", .. flag is null ? [] : new[] { flag }])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetDirectoryName(assembly)!,
        };
        start.Environment["ConnectionStrings__Segmentation"] = connectionString;
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        foreach (var work in new[] { "Point", "Heavy", "Bulk" })
        {
            start.Environment[$"Limits__{work}__StatementSeconds"] = "300";
        }

        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        string? line;
        while ((line = await process.StandardOutput.ReadLineAsync()) is not null)
        {
            const string listening = "Now listening on: ";
            if (line.Contains(listening, StringComparison.Ordinal))
            {
                var address = line[(line.IndexOf(listening, StringComparison.Ordinal) + listening.Length)..].Trim().Trim('"');
                var api = new ApiProcess(
                    process, new HttpClient { BaseAddress = new Uri($"{address}/api/v1/"), Timeout = TimeSpan.FromMinutes(10) });
                _ = api.ReadLogAsync();
                return api;
            }
        }

        throw new InvalidOperationException($"The API did not start; its exit code is {process.ExitCode}.");
    }

    /// <summary>Ends it at once, as <c>kill -9</c> does.</summary>
    public void Kill() => process.Kill();

    /// <summary>The last lines that it logged.</summary>
    public string[] Tail()
    {
        lock (tail)
        {
            return [.. tail];
        }
    }

    /// <summary>Resident memory, in MB; Linux only.</summary>
    public double Resident() => double.Parse(
        File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith("VmRSS", StringComparison.Ordinal)).Split(
            ' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;

    /// <summary>Reads a whole answer.</summary>
    public async Task<byte[]> GetAsync(string path)
    {
        using var response = await Http.GetAsync(new Uri(path, UriKind.Relative));
        var body = await response.Content.ReadAsByteArrayAsync();
        return response.IsSuccessStatusCode
            ? body
            : throw new InvalidOperationException($"GET {path}: {(int)response.StatusCode} {Encoding.UTF8.GetString(body)}");
    }

    public async Task<JsonElement> PostAsync(string path, HttpContent content)
    {
        using var response = await Http.PostAsync(new Uri(path, UriKind.Relative), content);
        var body = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode
            ? JsonElement.Parse(body)
            : throw new InvalidOperationException($"POST {path}: {(int)response.StatusCode} {body}");
    }

    public static HttpContent Json(string json) => new StringContent(json, Encoding.UTF8, "application/json");

    public async Task PutSegmentAsync(string key, string rule)
    {
        using var response = await Http.PutAsync(new Uri($"segments/{key}", UriKind.Relative), Json($$"""{"rule":{{rule}}}"""));
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{key}: {await response.Content.ReadAsStringAsync()}");
        }
    }

    // Else the pipe fills up, and the API blocks.
    private async Task ReadLogAsync()
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            lock (tail)
            {
                tail.Enqueue(line);
                if (tail.Count > TailLines)
                {
                    tail.Dequeue();
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        // A signal's handler may have come first.
        if (disposed)
        {
            return;
        }

        disposed = true;
        Http.Dispose();
        if (!process.HasExited)
        {
            process.Kill();
        }

        await process.WaitForExitAsync();
        process.Dispose();
    }
}
