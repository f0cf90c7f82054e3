using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace KillTests;

/// <summary>
/// The load under which the API is killed: everything that changes membership, from several connections at once. It remembers what was
/// acknowledged, and sends again, once the API is back, what was not.
/// </summary>
internal sealed class KillLoad(KillFailures failures)
{
    // k… are never erased, so that all their events must be there; d… are erased and made again; i… are made by imports alone.
    private const int Lasting = 250, Erased = 50;

    /// <summary>A segment that is always a draft, and one that is a draft now and then.</summary>
    public const string Draft = "a-draft", Playground = "playground";

    private static readonly string[] Types = ["order_completed", "order_completed", "order_refunded", "page_viewed", "page_viewed",
        "cart_added"];
    private static readonly string[] Zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"];

    private readonly ConcurrentQueue<string[]> unanswered = [];
    private readonly ConcurrentQueue<string> recent = [];
    private int run;
    private int numbers;

    /// <summary>Ids of events that the API has acknowledged, and that nobody erases.</summary>
    public ConcurrentDictionary<string, bool> Events { get; } = [];

    /// <summary>Ids of customers that the API has acknowledged, and that nobody erases.</summary>
    public ConcurrentDictionary<string, bool> Customers { get; } = [];

    public static string RandomRule(Random random) => Rules[random.Next(3, 12)].Rule;

    public static (string Key, string Zone, string Rule)[] Rules { get; } =
    [
        ("german", "UTC", Leaf("geographic.country", "=", "\"DE\"")),
        ("adults", "Europe/Berlin", Leaf("demographic.age", ">=", "30")),
        ("consenting", "UTC", Leaf("consent.marketing", "=", "true")),
        ("ordered-lately", "Europe/Berlin", EventRule(
            """{"mode":"some"}""", Leaf("type", "=", "\"order_completed\""), Leaf("occurredAt", ">=", Relative("now", -1, "minute")))),
        ("three-views", "America/New_York", EventRule(
            """{"mode":"atLeast","threshold":3}""",
            Leaf("type", "in", "[\"page_viewed\",\"cart_added\"]"),
            Leaf("occurredAt", ">=", Relative("now", -2, "minute")))),
        ("exactly-two", "UTC", EventRule("""{"mode":"exactly","threshold":2}""", Leaf("occurredAt", ">=", Relative("now", -1, "minute")))),
        ("silent", "UTC", EventRule("""{"mode":"none"}""", Leaf("occurredAt", ">", Relative("now", -1, "minute")))),
        ("all-small", "UTC", EventRule("""{"mode":"all"}""", Leaf("amount", "<", "150"))),
        ("spent", "UTC", EventRule(
            """{"mode":"atLeast","threshold":300,"aggregate":"sum","of":"amount"}""",
            Leaf("type", "=", "\"order_completed\""),
            Leaf("occurredAt", ">=", Relative("now", -3, "minute")))),
        ("cart-then-order", "Europe/Berlin", Sequence(
            All(Leaf("type", "=", "\"cart_added\""), Leaf("occurredAt", ">=", Relative("now", -5, "minute"))),
            All(Leaf("type", "=", "\"order_completed\"")))),
        ("unseen", "Europe/Berlin", Leaf("temporal.lastSeenAt", "<", Relative("now", -1, "minute"))),
        ("new", "UTC", Leaf("temporal.signedUpAt", ">=", Relative("now", -10, "day"))),
        (
            "birthday-week",
            "America/New_York",
            Leaf("temporal.birthday", "between", $"[{Relative("startOfDay", 0, "day")},{Relative("startOfDay", 6, "day")}]")),
        ("valued", "UTC", Leaf("value.lifetimeValue", ">=", "900")),
        ("buyers", "UTC", Leaf("value.orderCount", ">=", "4")),
        ("lapsed", "UTC", Leaf("value.daysSinceLastOrder", ">", "9")),
        ("top-half", "UTC", Leaf("value.percentile", ">=", "50")),
        ("german-and-lately", "UTC", $"{Leaf("segment", "in", "[\"german\"]")},{Leaf("segment", "in", "[\"ordered-lately\"]")}"),
        ("top-or-chosen", "UTC", Leaf("segment", "in", "[\"top-half\",\"by-hand\"]")),
        ("neither", "UTC", Leaf("segment", "notIn", "[\"german-and-lately\",\"adults\",\"by-hand\"]")),
        ("below", "UTC", Leaf("segment", "notIn", "[\"top-half\"]")),
        ("top-germans", "UTC", $"{Leaf("value.percentile", ">=", "50")},{Leaf("geographic.country", "=", "\"DE\"")}"),
        ("top-lately", "UTC", Leaf("value.percentile", ">=", "30") + ","
            + EventRule("""{"mode":"some"}""", Leaf("type", "=", "\"cart_added\""), Leaf("occurredAt", ">=", Relative("now", -1, "day")))),
        ("with-playground", "UTC", Leaf("segment", "in", $"[\"{Playground}\"]")),
        ("through-draft", "UTC", Leaf("segment", "in", $"[\"{Draft}\"]")),
    ];

    /// <summary>The rule of the draft: segments that refer to it are evaluated through it.</summary>
    public static string DraftRule { get; } = Leaf("segment", "in", "[\"german\",\"by-hand\"]");

    public static string PlaygroundRule { get; } = Leaf("geographic.country", "=", "\"FR\"");

    public static string Definition(string rules, string zone, string status = "active") =>
        $$"""{"rule":{{All(rules)}},"timeZone":"{{zone}}","status":"{{status}}"}""";

    /// <summary>Loads until cancelled. Before <paramref name="killed"/> every request must succeed; after it, any may fail.</summary>
    public async Task RunAsync(HttpClient http, int seed, Func<bool> killed, CancellationToken stop)
    {
        run++;
        var random = new Random(seed);
        Func<Random, Task>[] workers = [SingleAsync, SingleAsync, BatchAsync, BatchAsync, CustomerAsync, CustomerAsync, ImportAsync,
            DefinitionAsync];
        await Task.WhenAll(workers.Select(work => LoopAsync(work, new Random(random.Next()))));

        async Task LoopAsync(Func<Random, Task> work, Random own)
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await work(own);
                }
                catch (Exception cut) when (killed()
                    && cut is HttpRequestException or OperationCanceledException or IOException or UnexpectedException)
                {
                    await Task.Delay(50, CancellationToken.None);
                }
                catch (Exception unexpected)
                {
                    failures.Add($"before any kill: {unexpected.Message}");
                    return;
                }
            }
        }

        Task SingleAsync(Random own)
        {
            var (id, customer, line) = Event(own);
            return own.Next(2) == 0
                ? SendEventsAsync("events", line, "application/json", [id])
                : SendEventsAsync($"customers/{customer}/events", line, "application/json", [id]);
        }

        Task BatchAsync(Random own)
        {
            if (own.Next(3) == 0 && unanswered.TryDequeue(out var again))
            {
                return SendLinesAsync(again);
            }

            var lines = Enumerable.Range(0, own.Next(100, 400))
                .Select(_ => own.Next(10) == 0 && recent.TryDequeue(out var twice) ? twice : Event(own).Line)
                .ToArray();
            return SendLinesAsync(lines);
        }

        async Task SendLinesAsync(string[] lines)
        {
            try
            {
                await SendEventsAsync("events", string.Join('\n', lines), "application/x-ndjson", [.. lines.Select(IdOf)]);
            }
            catch
            {
                // It may have been stored or not: the same ids again store what was not, and nothing twice.
                unanswered.Enqueue(lines);
                throw;
            }
        }

        async Task SendEventsAsync(string path, string body, string type, string[] ids)
        {
            var answer = JsonSerializer.Deserialize<JsonElement>(await SendAsync("POST", path, body, type));
            var (received, stored, duplicates) = (
                answer.GetProperty("received").GetInt64(),
                answer.GetProperty("stored").GetInt64(),
                answer.GetProperty("duplicates").GetInt64());
            if (received != ids.Length || stored + duplicates != ids.Length)
            {
                throw new UnexpectedException($"POST {path} of {ids.Length} events: {answer.GetRawText()}");
            }

            foreach (var id in ids.Where(id => id[0] == 'k'))
            {
                Events[id] = true;
            }
        }

        async Task CustomerAsync(Random own)
        {
            var (id, isLasting) = Customer(own);
            switch (own.Next(isLasting ? 4 : 6))
            {
                case 0 or 1:
                    await SendAsync("PUT", $"customers/{id}", Profile(own, id));
                    break;
                case 2:
                    await SendAsync(
                        "PATCH",
                        $"customers/{id}",
                        $$"""{"consents":{"marketing":{"granted":{{(own.Next(2) == 0 ? "true" : "false")}} } } }""",
                        "application/merge-patch+json",
                        404);
                    return;
                case 3:
                    var country = own.Next(2) == 0 ? "DE" : "FR";
                    await SendAsync(
                        "PATCH",
                        $"customers/{id}",
                        $$"""{"geographic":{"country":"{{country}}"},"demographic":{"birthDate":"{{Birth(own)}}"} }""",
                        "application/merge-patch+json",
                        404);
                    return;
                default:
                    await SendAsync("DELETE", $"customers/{id}", null);
                    return;
            }

            Remember(id);
        }

        async Task ImportAsync(Random own)
        {
            var many = own.Next(10) == 0 ? 400 : own.Next(1, 40);
            string[] ids = [.. Enumerable.Range(0, many)
                .Select(_ => own.Next(20) == 0 ? $"i{Interlocked.Increment(ref numbers)}" : Customer(own).Id)
                .Distinct()];
            var answer = JsonSerializer.Deserialize<JsonElement>(
                await SendAsync("POST", "customers/import", string.Join('\n', ids.Select(id => Profile(own, id))), "application/x-ndjson"));
            if (answer.GetProperty("created").GetInt64() + answer.GetProperty("updated").GetInt64() != ids.Length)
            {
                throw new UnexpectedException($"An import of {ids.Length} customers: {answer.GetRawText()}");
            }

            foreach (var id in ids)
            {
                Remember(id);
            }

            await Task.Delay(own.Next(100), CancellationToken.None);
        }

        async Task DefinitionAsync(Random own)
        {
            switch (own.Next(8))
            {
                case 0 or 1 or 2 or 3:
                    string[] ids = [.. Enumerable.Range(0, own.Next(1, 20)).Select(_ => Customer(own).Id).Distinct()];
                    await SendAsync(
                        "POST",
                        "segments/by-hand/members",
                        JsonSerializer.Serialize(own.Next(2) == 0
                            ? new { add = ids, remove = Array.Empty<string>() }
                            : new { add = Array.Empty<string>(), remove = ids }));
                    break;
                case 4 or 5:
                    var (key, zone, rule) = Rules[own.Next(Rules.Length)];
                    var other = own.Next(3) == 0
                        && !rule.Contains("\"segment\"", StringComparison.Ordinal)
                        && !rule.Contains("percentile", StringComparison.Ordinal)
                        ? RandomRule(own)
                        : rule;
                    await SendAsync("PUT", $"segments/{key}", Definition(other, own.Next(4) == 0 ? Zones[own.Next(Zones.Length)] : zone));
                    break;
                case 6:
                    await SendAsync(
                        "PUT",
                        $"segments/{Playground}",
                        Definition(own.Next(2) == 0 ? RandomRule(own) : PlaygroundRule, "UTC", own.Next(3) == 0 ? "draft" : "active"));
                    break;
                default:
                    await SendAsync("POST", $"segments/{Rules[own.Next(Rules.Length)].Key}/refresh", "");
                    break;
            }

            await Task.Delay(own.Next(150), CancellationToken.None);
        }

        async Task<string> SendAsync(string method, string path, string? body, string type = "application/json", int allowed = 200)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, type);
            using var response = await http.SendAsync(request, CancellationToken.None);
            var text = await response.Content.ReadAsStringAsync(CancellationToken.None);
            return response.IsSuccessStatusCode || (int)response.StatusCode == allowed
                ? text
                : throw new UnexpectedException($"{method} {path}: {(int)response.StatusCode} {text}");
        }
    }

    private void Remember(string id)
    {
        if (id[0] != 'd')
        {
            Customers[id] = true;
        }
    }

    private (string Id, string Customer, string Line) Event(Random random)
    {
        // The id says whose it is, for the checks.
        var customer = Customer(random).Id;
        var id = $"{customer}-{run}-{Interlocked.Increment(ref numbers)}";
        var at = DateTimeOffset.UtcNow.AddSeconds(
            -(random.Next(4) switch { 0 => random.Next(90, 400_000), 1 => random.Next(0, 90), _ => random.Next(0, 5) }));
        var line = JsonSerializer.Serialize(
            new
            {
                id,
                customerId = customer,
                type = Types[random.Next(Types.Length)],
                occurredAt = at,
                amount = random.Next(4) == 0
                ? (decimal?)null
                : random.Next(-20, 16_000) / 100m
            });
        if (random.Next(8) == 0)
        {
            recent.Enqueue(line);
        }

        return (id, customer, line);
    }

    private static string IdOf(string line) => JsonSerializer.Deserialize<JsonElement>(line).GetProperty("id").GetString()!;

    private static (string Id, bool IsLasting) Customer(Random random) =>
        random.Next(6) == 0 ? ($"d{random.Next(Erased)}", false) : ($"k{random.Next(Lasting)}", true);

    private static string Profile(Random random, string id) => JsonSerializer.Serialize(new
    {
        id,
        demographic = new { birthDate = Birth(random) },
        geographic = new { country = random.Next(2) == 0 ? "DE" : "FR", timeZone = Zones[random.Next(Zones.Length)] },
        signedUpAt = DateTimeOffset.UtcNow.AddDays(-random.Next(0, 20)),
    });

    private static string Birth(Random random) => DateOnly.FromDateTime(DateTime.UtcNow).AddYears(-random.Next(28, 33))
        .AddDays(random.Next(-4, 15)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string All(params string[] rules) => $$"""{"combinator":"and","rules":[{{string.Join(',', rules)}}]}""";

    private static string Leaf(string field, string op, string value) =>
        $$"""{"field":"{{field}}","operator":"{{op}}","value":{{value}}}""";

    private static string EventRule(string match, params string[] rules) =>
        $$"""{"field":"behavioral.events","operator":"=","match":{{match}},"value":{{All(rules)}}}""";

    private static string Sequence(string first, string second) =>
        $$"""{"field":"behavioral.sequence","operator":"=","value":{"steps":[{{first}},{{second}}],"""
        + """ "within":{"amount":1,"unit":"minute"} } }""";

    private static string Relative(string anchor, int offset, string unit) =>
        $$"""{"mode":"relative","anchor":"{{anchor}}","offset":{{offset}},"unit":"{{unit}}"}""";
}
