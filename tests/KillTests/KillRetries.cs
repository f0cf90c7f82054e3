using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Benchmarks;
using Segmentation.Local;

namespace KillTests;

/// <summary>
/// Kills one of two APIs on one database, again and again, under requests with idempotency keys, each of which is sent until it is
/// answered, now and then to both at once, and once more after that. Then every effect must be there exactly once.
/// </summary>
internal sealed class KillRetries(KillOptions options, string connectionString, KillFailures failures)
{
    private const int Workers = 12;
    private const int RetriesAKill = 40;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly (string Path, Func<int, string> Body)[] Kinds =
    [
        ("customers", n => $$"""{"email":"retry-{{n}}@example.com"}"""),
        ("customers/k0/events", n => Event(n)),
        ("events", n => $"[{string.Join(',', new[] { "k1", "k2", "k3" }.Select(c => Event(n, $"\"customerId\":\"{c}\",")))}]"),
        ("segments", n => $$"""{"key":"retry-{{n}}","kind":"manual"}"""),
        ("segments/base/clone", n => $$"""{"key":"retry-{{n}}"}"""),
        ("webhooks", n => $$"""{"url":"https://receiver.example/retry-{{n}}","enabled":false}"""),
    ];

    private readonly ConcurrentDictionary<int, (int Kind, string Answer)> answered = [];
    private readonly ApiProcess?[] apis = new ApiProcess?[2];
    private int numbers;
    private int webhooks;
    private int retries;
    private int replays;

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(KillOptions options)
    {
        var (folder, failures) = (ScratchFolder.Create(KillTest.Prefix), new KillFailures(options.Seed));
        var kills = 0;
        Console.WriteLine($"{options.Kills} kills under retries, --seed {options.Seed}, database in {folder}");
        var postgres = await EmbeddedPostgres.StartAsync(
            new EmbeddedOptions { DataDirectory = folder }, NullLogger.Instance, CancellationToken.None);
        var test = new KillRetries(options, postgres.ConnectionString, failures);
        await using var cleanup = new Cleanup(CleanAsync);
        async Task CleanAsync()
        {
            await test.StopAsync();
            await postgres.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }

        try
        {
            kills = await test.RunAsync();
        }
        catch when (cleanup.HasBegun)
        {
            return Cleanup.Interrupted;
        }
        catch (Exception broken)
        {
            failures.Add($"the test itself: {broken}");
        }

        Console.WriteLine($"{kills} kills, {failures.Count} failures");
        return failures.Count == 0 ? 0 : 1;
    }

    private async Task<int> RunAsync()
    {
        await using var source = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, CommandTimeout = 60 }.ConnectionString);
        var random = new Random(options.Seed);
        var kill = 0;
        apis[0] = await StartAsync();
        apis[1] = await StartAsync();
        using (var made = await apis[0]!.Http.PostAsync(
            new Uri("segments", UriKind.Relative), ApiProcess.Json("""{"key":"base","kind":"manual"}""")))
        {
            made.EnsureSuccessStatusCode();
        }

        using var stop = new CancellationTokenSource();
        var working = Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => WorkAsync(new Random(random.Next()), stop.Token)));
        for (; (kill < options.Kills || retries < options.Kills * RetriesAKill) && failures.Count == 0; kill++)
        {
            failures.Kill = kill + 1;
            await Task.Delay(random.Next(50, 1000));
            var victim = random.Next(2);
            var dead = apis[victim]!;
            apis[victim] = null;
            dead.Kill();
            await dead.DisposeAsync();
            apis[victim] = await StartAsync();
            Console.WriteLine($"{kill + 1}: {answered.Count} requests answered, {retries} retries, {replays} of them replayed");
        }

        await stop.CancelAsync();
        await working.WaitAsync(Patience);
        await CheckAsync(source);
        return kill;
    }

    private async Task StopAsync()
    {
        foreach (var api in apis.OfType<ApiProcess>())
        {
            await api.DisposeAsync();
        }
    }

    private Task<ApiProcess> StartAsync() => ApiProcess.StartAsync(
        options.Api, connectionString, null, ("Database__MigrateOnStart", "true"), ("DOTNET_TieredPGO", "0"));

    private async Task WorkAsync(Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && failures.Count == 0)
        {
            var number = Interlocked.Increment(ref numbers);
            var kind = random.Next(Kinds.Length);
            if (Kinds[kind].Path == "webhooks" && Interlocked.Increment(ref webhooks) > 90)
            {
                kind = 0; // There may be a hundred.
            }

            var first = await SendUntilAnsweredAsync(number, kind, random);
            var again = await SendUntilAnsweredAsync(number, kind, random, isRetry: true);
            answered[number] = (kind, first);
            if (first != again)
            {
                failures.Add($"{Kinds[kind].Path} was answered {first}, and then {again}");
            }
        }
    }

    // Now and then to both at once: one of them answers, the other replays that or says that it is in progress.
    private async Task<string> SendUntilAnsweredAsync(int number, int kind, Random random, bool isRetry = false)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (attempt > 0 || isRetry)
            {
                Interlocked.Increment(ref retries);
            }

            var targets = random.Next(4) == 0 ? apis : [apis[random.Next(2)]];
            var answers = await Task.WhenAll(targets.Select(api => SendAsync(api, number, kind)));
            if (answers.OfType<string>().Distinct().ToArray() is { Length: > 0 } given)
            {
                if (given.Length > 1)
                {
                    failures.Add($"{Kinds[kind].Path} was answered twice: {string.Join(" and ", given)}");
                }

                return given[0];
            }

            await Task.Delay(20);
        }
    }

    // Null where it was not answered: the API was killed, is starting, or another is answering.
    private async Task<string?> SendAsync(ApiProcess? api, int number, int kind)
    {
        if (api is null)
        {
            return null;
        }

        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Kinds[kind].Path);
            request.Content = new StringContent(Kinds[kind].Body(number), Encoding.UTF8, "application/json");
            request.Headers.Add("Idempotency-Key", $"retry-{number}");
            using var response = await api.Http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            var status = (int)response.StatusCode;
            if (response.Headers.Contains("Idempotency-Replayed"))
            {
                Interlocked.Increment(ref replays);
            }

            // A webhook's secret is shown once, where nothing encrypts it: who was answered and did not hear it knows that it was made.
            if (Kinds[kind].Path == "webhooks" && status is 201 or 409)
            {
                return text.Contains("request-in-progress", StringComparison.Ordinal) ? null : "made";
            }

            if (response.IsSuccessStatusCode)
            {
                return $"{status} {response.Headers.Location} {response.Headers.ETag} {text}";
            }

            if (status is not (503 or 504) && !text.Contains("request-in-progress", StringComparison.Ordinal))
            {
                failures.Add($"POST {Kinds[kind].Path} {number}: {status} {text}");
                return "";
            }
        }
        catch (Exception cut) when (cut is HttpRequestException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // Whether it was done, only the next attempt says.
        }

        return null;
    }

    private async Task CheckAsync(NpgsqlDataSource source)
    {
        string[] sql =
        [
            "SELECT count(*) FROM customers WHERE email = 'retry-' || n || '@example.com'",
            "SELECT count(*) FROM events WHERE properties ->> 'retry' = n::text",
            "SELECT count(*) / 3.0 FROM events WHERE properties ->> 'retry' = n::text",
            "SELECT count(*) FROM segments WHERE key = 'retry-' || n AND version = 1",
            "SELECT count(*) FROM segments WHERE key = 'retry-' || n AND version = 1",
            "SELECT count(*) FROM webhooks WHERE url = 'https://receiver.example/retry-' || n",
        ];
        for (var kind = 0; kind < Kinds.Length; kind++)
        {
            int[] sent = [.. answered.Where(a => a.Value.Kind == kind).Select(a => a.Key)];
            await using var command = source.CreateCommand(
                $"SELECT n || ': ' || times FROM unnest($1) AS sent (n), LATERAL ({sql[kind]}) AS found (times) WHERE times <> 1");
            command.Parameters.Add(
                new NpgsqlParameter<int[]> { TypedValue = sent, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer });
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                failures.Add($"POST {Kinds[kind].Path}: an effect that is not there once, {reader.GetString(0)} times");
            }
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{answered.Count:N0} requests answered with {retries:N0} retries, {replays:N0} of them replayed; every effect counted"));
    }

    private static string Event(int number, string customer = "") =>
        $$$"""{{{{customer}}}"type":"order_completed","amount":1,"properties":{"retry":{{{number}}}}}""";
}
