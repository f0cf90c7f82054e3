using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Insight;
using Segmentation.Api.Predictions;
using Segmentation.Api.Tests.Feedback;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>
/// Changes membership over the API in every way there is: events early, late and twice, edits, erasures, imports, definitions, manual
/// members, scores, and time; and compares stored membership with a live evaluation.
/// </summary>
public sealed class MembershipWorld(
    Api api, FakeTimeProvider clock, string connectionString, IServiceProvider services, Func<Task> settle)
{
    /// <summary>Before Berlin loses an hour.</summary>
    public static readonly DateTimeOffset Start = new(2024, 3, 28, 10, 0, 0, TimeSpan.Zero);
    private const int Customers = 14;
    private static readonly string[] Zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"];
    private static readonly string[] Types = ["order_completed", "order_refunded", "page_viewed", "cart_added", "feedback"];

    private static readonly string[] ReferredTo = ["german", "ordered-lately", "adults", "top-half", "silent-longer", "rfm-recent"];
    private static readonly string?[] Channels = [null, "web", "app"];

    // Most of them depend on the clock.
    private static readonly (string Key, string Zone, string Rule)[] Rules =
    [
        ("adults", "Europe/Berlin", Leaf("demographic.age", ">=", "30")),
        ("birthday-week", "America/New_York", Leaf(
            "temporal.birthday", "between", $"[{Relative("startOfDay", 0, "day")},{Relative("startOfDay", 6, "day")}]")),
        ("anniversary", "Asia/Kathmandu", Leaf("temporal.signupAnniversary", "=", Relative("now", 0, "day"))),
        ("new", "UTC", Leaf("temporal.signedUpAt", ">=", Relative("now", -30, "day"))),
        ("not-new", "Europe/Berlin", Leaf("temporal.signedUpAt", "<", Relative("startOfWeek", -1, "week"))),
        ("unseen", "Europe/Berlin", Leaf("temporal.lastSeenAt", "<", Relative("now", -7, "day"))),
        ("lapsed", "UTC", Leaf("value.daysSinceLastOrder", ">", "9")),
        ("ordered-lately", "Europe/Berlin", Events(
            """{"mode":"some"}""", Leaf("type", "=", "\"order_completed\""), Leaf("occurredAt", ">=", Relative("now", -10, "day")))),
        ("three-views", "America/New_York", Events(
            """{"mode":"atLeast","threshold":3}""",
            Leaf("type", "in", "[\"Page_Viewed\",\"cart_added\"]"),
            Leaf("occurredAt", "between", $"[{Relative("now", -20, "day")},{Relative("now", -2, "hour")}]"))),
        ("exactly-two", "UTC", Events("""{"mode":"exactly","threshold":2}""", Leaf("occurredAt", ">=", Relative("now", -45, "minute")))),
        ("silent", "UTC", Events("""{"mode":"none"}""", Leaf("occurredAt", ">", Relative("startOfDay", -3, "day")))),
        ("first-order-late", "Europe/Berlin", Events(
            $$"""{"mode":"atLeast","threshold":{{Relative("now", -30, "day")}},"aggregate":"min","of":"occurredAt"}""",
            Leaf("type", "=", "\"order_completed\""))),
        ("all-small", "UTC", Events("""{"mode":"all"}""", Leaf("amount", "<", "100"))),
        ("spent", "UTC", Events(
            """{"mode":"atLeast","threshold":100,"aggregate":"sum","of":"amount"}""",
            Leaf("type", "=", "\"order_completed\""),
            Leaf("occurredAt", ">=", Relative("now", -1, "month")))),
        ("carried", "UTC", Events(
            """{"mode":"atLeast","threshold":3,"aggregate":"sum","of":"properties.items"}""", Leaf("type", "=", "\"order_completed\""))),
        ("two-channels", "UTC", Events(
            """{"mode":"atLeast","threshold":2,"aggregate":"distinct","of":"channel"}""", Leaf("type", "=", "\"page_viewed\""))),
        ("cart-then-order", "Europe/Berlin", Sequence(
            """{"amount":2,"unit":"day"}""",
            All(Leaf("type", "=", "\"cart_added\""), Leaf("occurredAt", ">=", Relative("now", -15, "day"))),
            All(Leaf("type", "=", "\"order_completed\"")))),
        ("morning", "UTC", Leaf("temporal.localHour", "<", "12")),
        ("top-half", "UTC", Leaf("value.percentile", ">=", "50")),
        ("top-and-german", "UTC", string.Join(
            ',',
            Leaf("value.percentile", ">", "30"),
            Leaf("geographic.country", "=", "\"DE\""),
            Leaf("temporal.signedUpAt", ">=", Relative("now", -20, "day")))),
        ("content", "UTC", Leaf("psychographic.sentiment", ">=", "0.2")),
        ("discontent", "Europe/Berlin", Leaf("psychographic.sentiment", "<", "0.2")),
        ("unheard", "UTC", """{"field":"psychographic.sentiment","operator":"null"}"""),
        ("fonder-than-young", "UTC",
            """{"field":"psychographic.sentiment","operator":"<","valueSource":"field","value":"demographic.children"}"""),
        ("scored-badly", "UTC", Events(
            """{"mode":"some"}""", Leaf("sentiment", "<", "0"), Leaf("sentimentSource", "=", "\"score\""))),
        ("said-badly", "UTC", Events(
            """{"mode":"some"}""", Leaf("sentiment", "<", "0"), Leaf("sentimentSource", "in", "[\"model\",\"words\"]"))),
        ("told-lately", "UTC", Leaf("behavioral.lastFeedbackAt", ">", Relative("now", -2, "day"))),
        ("silent-longer", "UTC", Leaf("behavioral.silence", ">", "1.5")),
        ("silence-unknown", "UTC", """{"field":"behavioral.silence","operator":"null"}"""),
        ("silence-by-birthday", "Europe/Berlin", string.Join(
            ',', Leaf("behavioral.silence", "between", "[0.2,2]"), Leaf("demographic.age", "<", "30"))),
        ("rfm-recent", "UTC", Leaf("value.rfmRecency", ">=", "4")),
        ("rfm-groups", "UTC", Leaf("value.rfmGroup", "in", "[\"champions\",\"loyal\",\"lost\",\"promising\"]")),
        ("valued", "UTC", Leaf("value.lifetimeValue", ">=", "150")),
        ("german", "UTC", Leaf("geographic.country", "=", "\"DE\"")),
        ("nobody-yet", "UTC", Leaf("consent.marketing", "=", "true")),
        ("german-and-lately", "UTC", $"{Leaf("segment", "in", "[\"german\"]")},{Leaf("segment", "in", "[\"ordered-lately\"]")}"),
        ("top-and-lately", "UTC", $"{Leaf("segment", "in", "[\"top-half\"]")},{Leaf("segment", "in", "[\"ordered-lately\"]")}"),
        ("silent-and-lately", "UTC", $"{Leaf("segment", "in", "[\"silent-longer\"]")},{Leaf("segment", "in", "[\"rfm-recent\"]")}"),
        ("neither", "UTC", Leaf("segment", "notIn", "[\"german-and-lately\",\"adults\",\"by-hand\"]")),
    ];

    private readonly List<string> done = [];
    private int events;

    /// <summary>How many stored members were compared.</summary>
    public int Compared { get; private set; }

    public async Task CreateAsync()
    {
        await api.PutAsync("segments/by-hand", """{"kind":"manual"}""");
        foreach (var (key, zone, rule) in Rules)
        {
            (await api.PutAsync($"segments/{key}", Definition(rule, zone))).Expect(201);
        }
    }

    /// <summary>One sequence of changes, and the comparison after it.</summary>
    public async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        done.Clear();
        for (var step = random.Next(1, 7); step >= 0; step--)
        {
            await StepAsync(random);
            if (random.Next(4) == 0)
            {
                await settle();
            }
        }

        clock.Advance(TimeSpan.FromSeconds(2));
        await settle();
        await CompareAsync(seed);
    }

    /// <summary>
    /// Stored membership is what the rules say now; its size is what there was before the history, plus those that
    /// joined, less those that left.
    /// </summary>
    public async Task CompareAsync(int seed)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(
            """
            SELECT s.key, coalesce(array_agg(c.id ORDER BY c.id COLLATE "C") FILTER (WHERE c.id IS NOT NULL), '{}'), st.size,
                (SELECT coalesce(sum(joined - "left"), 0)::integer FROM membership_batches b WHERE b.segment_id = s.id)
                    + coalesce((SELECT size - joined + "left" FROM membership_batches b WHERE b.segment_id = s.id ORDER BY id LIMIT 1), 0),
                count(m.*)::integer, st.status
            FROM segments s
            LEFT JOIN membership_states st ON st.segment_id = s.id
            LEFT JOIN memberships m ON m.segment_id = s.id AND m.left_batch IS NULL
            LEFT JOIN customers c ON c.key = m.customer_key
            WHERE s.status = 'Active' GROUP BY s.id, s.key, st.size, st.status ORDER BY s.key
            """);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            var key = reader.GetString(0);
            var stored = reader.GetFieldValue<string[]>(1);
            var members = (await api.GetAsync($"segments/{key}/members?fields=id&limit=1000&live=true")).Expect(200)["items"];
            string[] live = [.. members.EnumerateArray().Select(i => i.GetProperty("id").GetString()!).Order(StringComparer.Ordinal)];
            var difference = $"{string.Join(' ', stored.Except(live))} too many, {string.Join(' ', live.Except(stored))} too few";
            Assert.True(
                stored.SequenceEqual(live),
                $"seed {seed}, {key} at {clock.GetUtcNow():O}: stored {difference}\n{string.Join('\n', done)}");
            Assert.Equal(
                (key, "Ready", live.Length, live.Length, live.Length),
                (key, reader.GetString(5), reader.GetInt32(2), reader.GetInt32(3), reader.GetInt32(4)));
            Compared += live.Length;
        }
    }

    private async Task StepAsync(Random random)
    {
        var id = $"c{random.Next(Customers)}";
        switch (random.Next(16))
        {
            case 0 or 1 or 2 or 3:
                var body = new StringBuilder();
                var many = random.Next(5) == 0 ? random.Next(5, 30) : 1;
                for (var i = 0; i < many; i++)
                {
                    body.Append(Event(random, random.Next(6) == 0 ? $"c{random.Next(Customers)}" : id)).Append('\n');
                }

                await SendAsync("POST", "events", body.ToString(), "application/x-ndjson");
                break;
            case 4 or 5:
                await SendAsync("PUT", $"customers/{id}", Profile(random, id));
                break;
            case 6:
                await SendAsync("PATCH", $"customers/{id}", random.Next(3) switch
                {
                    0 => """{"geographic":{"country":"DE"}}""",
                    1 => $$"""{"consents":{"marketing":{"granted":{{(random.Next(2) == 0 ? "true" : "false")}} } } }""",
                    _ => $$"""{"signedUpAt":"{{Near(random)}}","demographic":{"birthDate":"{{Birth(random)}}"} }""",
                }, "application/merge-patch+json");
                break;
            case 7:
                await SendAsync("DELETE", $"customers/{id}", null);
                break;
            case 8:
                await SendAsync(
                    "POST",
                    "customers/import",
                    string.Join('\n', Enumerable.Range(0, random.Next(1, 5)).Select(_ => $"c{random.Next(Customers)}").Distinct()
                        .Select(c => Profile(random, c))),
                    "application/x-ndjson");
                break;
            case 9:
                await SendAsync(
                    "POST", "segments/by-hand/members", random.Next(2) == 0 ? $$"""{"add":["{{id}}"]}""" : $$"""{"remove":["{{id}}"]}""");
                break;
            case 10:
                var (key, zone, rule) = Rules[random.Next(Rules.Length - 4)];
                await SendAsync("PUT", $"segments/{key}", Definition(
                    random.Next(2) == 0 ? rule : Rules[random.Next(Rules.Length - 4)].Rule,
                    random.Next(3) == 0 ? Zones[random.Next(Zones.Length)] : zone,
                    random.Next(4) == 0 && !ReferredTo.Contains(key) ? "draft" : "active"));
                break;
            case 11 or 12:
                await ScoreAsync(random);
                break;
            default:
                var by = random.Next(4) switch
                {
                    0 => TimeSpan.FromMinutes(random.Next(1, 90)),
                    1 => TimeSpan.FromHours(random.Next(1, 30)),
                    2 => TimeSpan.FromDays(random.Next(1, 12)),
                    _ => TimeSpan.FromSeconds(random.Next(1, 400)),
                };
                done.Add($"time +{by}");
                clock.Advance(by);
                break;
        }
    }

    private async Task ScoreAsync(Random random)
    {
        var what = random.Next(4);
        done.Add($"{clock.GetUtcNow():O} scoring {what}");
        if (what == 3)
        {
            await RatedTexts.ChangeAsync(services, random);
            return;
        }

        var scorer = services.GetRequiredService<Scorer>();
        await (what switch
        {
            0 => scorer.ScoreWaitingAsync(default),
            1 => scorer.ScoreEveryoneAsync(default),
            _ => FixRfmAsync(services, clock),
        });
    }

    /// <summary>Fixes the thresholds of RFM, as the analysis does.</summary>
    internal static async Task FixRfmAsync(IServiceProvider services, FakeTimeProvider clock)
    {
        await using var scope = services.CreateAsyncScope();
        if (await scope.ServiceProvider.GetRequiredService<RfmCounts>().FindAsync(clock.GetUtcNow(), null, default) is { } found)
        {
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            db.Add(found);
            await db.SaveChangesAsync();
        }
    }

    private async Task SendAsync(string method, string path, string? body, string type = "application/json")
    {
        done.Add($"{clock.GetUtcNow():O} {method} {path} {body}");
        var answer = await api.SendAsync(method, path, body, type);
        Assert.True(answer.Status < 300 || answer.Status is 404 or 409, $"{method} {path} {body}: {answer.Status} {answer.Body}");
    }

    private string Event(Random random, string customer)
    {
        // Some come twice, some late, some early by the sender's clock.
        var id = random.Next(5) == 0 ? random.Next(Math.Max(events, 1)) : events++;
        var type = Types[random.Next(Types.Length)];
        var at = random.Next(5) switch
        {
            // About to be older than what counts.
            1 or 2 when type == "feedback" => clock.GetUtcNow().AddDays(-365).AddMinutes(random.Next(-10, 4000)),
            0 => clock.GetUtcNow().AddMinutes(random.Next(0, 5)),
            1 => clock.GetUtcNow().AddDays(-random.Next(1, 40)),
            _ => clock.GetUtcNow().AddMinutes(-random.Next(0, 3000)),
        };
        return JsonSerializer.Serialize(new
        {
            id = $"e{id}",
            customerId = customer,
            type,
            occurredAt = at,
            amount = random.Next(3) == 0 ? (decimal?)null : random.Next(-20, 160),
            channel = Channels[random.Next(Channels.Length)],
            properties = random.Next(2) == 0 && type != "feedback" ? null : new
            {
                items = random.Next(4),
                nps = random.Next(2) == 0 ? (int?)random.Next(12) : null,
                text = random.Next(3) == 0 ? "It is bad" : RatedTexts.Say(random, random.Next(2) == 0),
            },
        });
    }

    private string Profile(Random random, string id)
    {
        var birthDate = random.Next(4) == 0 ? "" : $"\"birthDate\":\"{Birth(random)}\"";
        var country = random.Next(2) == 0 ? "DE" : "FR";
        var timeZone = random.Next(3) == 0 ? "" : $",\"timeZone\":\"{Zones[random.Next(Zones.Length)]}\"";
        var signedUpAt = Near(random);
        var lastSeenAt = random.Next(2) == 0 ? "" : $",\"lastSeenAt\":\"{Near(random)}\"";
        var demographic = $$"""{ {{birthDate}} }""";
        var geographic = $$"""{"country":"{{country}}"{{timeZone}}}""";
        var times = $"\"signedUpAt\":\"{signedUpAt}\"{lastSeenAt}";
        return $$"""{"id":"{{id}}","demographic":{{demographic}},"geographic":{{geographic}},{{times}}}""";
    }

    private string Near(Random random) => clock.GetUtcNow()
        .AddDays(-random.Next(0, 35))
        .AddMinutes(-random.Next(0, 1500))
        .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private string Birth(Random random) => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime)
        .AddYears(-random.Next(29, 32))
        .AddDays(random.Next(-3, 15))
        .ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Definition(string rules, string zone, string status = "active") =>
        $$"""{"rule":{{All(rules)}},"timeZone":"{{zone}}","status":"{{status}}"}""";

    private static string All(params string[] rules) => $$"""{"combinator":"and","rules":[{{string.Join(',', rules)}}]}""";

    private static string Leaf(string field, string op, string value) =>
        $$"""{"field":"{{field}}","operator":"{{op}}","value":{{value}}}""";

    private static string Events(string match, params string[] rules) =>
        $$"""{"field":"behavioral.events","operator":"=","match":{{match}},"value":{{All(rules)}}}""";

    private static string Sequence(string within, params string[] steps) =>
        $$"""{"field":"behavioral.sequence","operator":"=","value":{"steps":[{{string.Join(',', steps)}}],"within":{{within}}} }""";

    private static string Relative(string anchor, int offset, string unit) =>
        $$"""{"mode":"relative","anchor":"{{anchor}}","offset":{{offset}},"unit":"{{unit}}"}""";
}
