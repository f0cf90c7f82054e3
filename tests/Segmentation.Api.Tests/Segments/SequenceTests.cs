using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Sequences: PostgreSQL and memory agree, and PostgreSQL reads each event once a step.</summary>
public sealed partial class SequenceTests : IAsyncLifetime
{
    private const int People = 60;

    // Berlin skips an hour on the 31st; windows of months from its end are of different lengths.
    private static readonly DateTimeOffset Begin = new(2024, 3, 30, 20, 0, 0, TimeSpan.Zero);
    private static readonly string[] Types = ["a", "b", "c"];

    private readonly TestDatabase databases = new();
    private readonly DefinitionSet definitions = new(
        1, [], [], new CustomerFields(new RevenueOptions(), new FeedbackOptions()), new RuleLimits(), null);
    private NpgsqlDataSource source = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        source = new NpgsqlDataSourceBuilder(await databases.CreateDatabaseAsync()).Build();
        await using var db = NewDb();
        await db.Database.MigrateAsync();
    }

    public async Task DisposeAsync()
    {
        await source.DisposeAsync();
        await databases.DisposeAsync();
    }

    [Fact]
    public async Task RandomSequences_EqualInstantsGapsWindowsAndFilters_SqlAndMemoryAgree()
    {
        var random = new Random(17);
        await using var db = NewDb();
        db.Customers.AddRange(Enumerable.Range(0, People).Select(i => MakeCustomer($"c{i}", Enumerable.Range(0, random.Next(12)).Select(n =>
            new CustomerEvent
            {
                Id = $"e{n}",
                Type = Types[random.Next(3)],
                Amount = random.Next(3) == 0 ? null : random.Next(4),
                Channel = random.Next(3) == 0 ? "web" : null,
                OccurredAt = Begin.AddHours(
                    random.Next(3) switch { 0 => random.Next(8), 1 => 24 * random.Next(40), _ => random.Next(200) }),
            }))));
        await db.SaveChangesAsync();
        await using var again = NewDb();
        var customers = await again.Customers.Include(c => c.Events).OrderBy(c => c.Key).ToListAsync();
        var partial = 0;
        for (var i = 0; i < 600; i++)
        {
            var steps = Enumerable.Range(0, random.Next(2, 6)).Select(_ => Step(random)).ToArray();
            var unit = new[] { "minute", "hour", "day", "week", "month" }[random.Next(5)];
            var amount = unit == "minute" ? 90 : random.Next(1, 4);
            var within = random.Next(4) == 0 ? "" : $$""","within":{"amount":{{amount}},"unit":"{{unit}}"}""";
            var rule = Any(
                Is("behavioral.sequence", random.Next(4) == 0 ? "!=" : "=", $$"""{"steps":[{{string.Join(",", steps)}}]{{within}}}"""),
                random.Next(3) == 0 ? Total(random) : Is("behavioral.eventCount", ">", "10"));
            DateTimeOffset? asOf = random.Next(3) == 0 ? Begin.AddHours(random.Next(300)) : null;
            var tree = JsonSerializer.Deserialize<JsonElement>(rule);
            var at = new Evaluation(asOf ?? Begin.AddDays(60), random.Next(2) == 0 ? "Europe/Berlin" : "UTC");
            var sql = definitions.Compile(tree, Backend.Sql, asOf is not null);
            Assert.Empty(sql.Errors);
            var matches = definitions.Compile(tree, Backend.Memory, asOf is not null).ToFunc();
            var inSql = await db.Customers.Where(sql.ToQuery(at, db.Rows)).OrderBy(c => c.Key).Select(c => c.Id).ToListAsync();
            var inMemory = customers.Where(c => matches(c, at)).Select(c => c.Id).ToList();
            Assert.True(inSql.SequenceEqual(inMemory), $"""
                {i}: SQL {string.Join(' ', inSql.Except(inMemory))}, memory {string.Join(' ', inMemory.Except(inSql))} alone, at {at.AsOf:O}
                {rule}
                """);
            partial += inSql.Count is > 1 and < People - 1 ? 1 : 0;
        }

        Assert.InRange(partial, 200, 600);
    }

    [Theory]
    [InlineData("")]
    [InlineData(""","within":{"amount":300,"unit":"day"}""")]
    [InlineData(""","within":{"amount":500,"unit":"minute"}""")]
    public async Task StepsThatMatchOftenAndALastThatNeverFollows_TwiceTheEvents_ReadsTwiceTheRows(string within)
    {
        string Step(string type) => All(Is("type", "=", $"\"{type}\""));
        var rule = All(Is(
            "behavioral.sequence", "=",
            $$"""{"steps":[{{Step("a")}},{{Step("b")}},{{Step("a")}},{{Step("b")}},{{Step("c")}}]{{within}}}"""));
        await using var db = NewDb();
        var customer = MakeCustomer("busy", [new CustomerEvent { Id = "first", Type = "c", OccurredAt = Begin.AddDays(-1) }]);
        db.Customers.Add(customer);
        await db.SaveChangesAsync();
        var rows = new List<double>();
        foreach (var events in new[] { 2_000, 4_000 })
        {
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO events (customer_key, id, type, occurred_at)
                SELECT {customer.Key}, n::text, t, {Begin} + n * interval '1 minute'
                FROM generate_series(1, {events}) n, LATERAL (SELECT CASE n % 2 WHEN 0 THEN 'a' ELSE 'b' END) AS l (t)
                ON CONFLICT DO NOTHING
                """);
            await db.Database.ExecuteSqlAsync($"ANALYZE events");
            var tree = JsonSerializer.Deserialize<JsonElement>(rule);
            var query = db.Customers.Where(definitions.Compile(tree, Backend.Sql, false).ToQuery(
                new Evaluation(Begin.AddDays(60), "UTC"), db.Rows)).Select(c => c.Id);
            Assert.Empty(await query.ToListAsync());
            rows.Add(await CountRowsAsync(query));
        }

        // Of each node of the plan, however often it ran.
        Assert.InRange(rows[1] / rows[0], 1.8, 2.2);
        Assert.InRange(rows[1], 4_000, 100 * 4_000);
    }

    private SegmentationDb NewDb() =>
        new(new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(source).ConfigureWarnings(TestDatabase.ManyHosts).Options);

    private async Task<double> CountRowsAsync(IQueryable<string> query)
    {
        await using var command = (NpgsqlCommand)query.CreateDbCommand();
        await using var connection = await source.OpenConnectionAsync();
        command.Connection = connection;
        command.CommandText = "EXPLAIN (ANALYZE, TIMING OFF) " + command.CommandText;
        var total = 0d;
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            foreach (Match match in Rows().Matches(reader.GetString(0)))
            {
                total += double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
                    * double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
            }

            total += Removed().Match(reader.GetString(0)) is { Success: true } removed
                ? double.Parse(removed.Groups[1].Value, CultureInfo.InvariantCulture)
                : 0;
        }

        return total;
    }

    [GeneratedRegex(@"actual rows=([\d.]+) loops=(\d+)")]
    private static partial Regex Rows();

    [GeneratedRegex(@"Rows Removed by [\w ]+: (\d+)")]
    private static partial Regex Removed();

    private static string Step(Random random) => All(
    [
        .. random.Next(5) == 0 ? Array.Empty<string>() : [Is("type", random.Next(6) == 0 ? "!=" : "=", $"\"{Types[random.Next(3)]}\"")],
        .. random.Next(4) == 0 ? [Is("amount", ">=", "2")] : Array.Empty<string>(),
        .. random.Next(6) == 0 ? [Is("channel", "!=", "\"web\"")] : Array.Empty<string>(),
        .. random.Next(6) == 0 ? [Is("hourOfDay", "<", "12")] : Array.Empty<string>(),
        .. random.Next(5) == 0
            ? [Is("occurredAt", random.Next(2) == 0 ? ">=" : "<", $"\"{Begin.AddHours(random.Next(120)):O}\"")]
            : Array.Empty<string>(),
    ]);

    private static string Total(Random random) =>
        $$"""
        {"field":"behavioral.events","operator":"=",
        "match":{"mode":"atLeast","threshold":{{random.Next(5)}},"aggregate":"sum","of":"amount"},"value":{{Step(random)}}}
        """;

    private static Customer MakeCustomer(string id, IEnumerable<CustomerEvent> events)
    {
        var customer = new Customer { Id = id, CreatedAt = Begin, UpdatedAt = Begin, Version = 1 };
        customer.Events.AddRange(events);
        customer.EventCount = customer.Events.Count;
        return customer;
    }
}
