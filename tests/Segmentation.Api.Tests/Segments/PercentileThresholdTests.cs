using System.Data;
using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>
/// Percentiles in counts and previews, by lifetime values that are read first: the same customers as in memory, and as in one statement.
/// </summary>
public sealed class PercentileThresholdTests(TestDatabase databases) : IClassFixture<TestDatabase>
{
    private static readonly DateTimeOffset Now = new(2024, 6, 15, 12, 0, 0, TimeSpan.Zero);

    // Few values for many customers, those of nobody's orders and of more refunds than orders among them.
    private static readonly decimal[] Values = [0, 0, 0, 10, 10, 10.5m, 10.500000001m, 99.99m, -5, 999999999999999999.999999999m,
        -999999999999999999.999999999m];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(61)]
    public async Task RandomRules_CountAndPreview_AreThoseOfMemory(int n)
    {
        var connectionString = await databases.CreateDatabaseAsync();
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var db = new SegmentationDb(
            new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(source).ConfigureWarnings(TestDatabase.ManyHosts).Options);
        await db.Database.MigrateAsync();
        var random = new Random(n);
        var customers = Enumerable.Range(0, n).Select(i => Customer(i, Values[random.Next(Values.Length)])).ToList();
        db.Customers.AddRange(customers);
        await db.SaveChangesAsync();
        foreach (var customer in customers)
        {
            customer.Rank = (customers.Count(c => c.LifetimeValue < customer.LifetimeValue), n);
        }

        var fields = new CustomerFields(new RevenueOptions(), new FeedbackOptions());
        var definitions = new DefinitionSet(1, [], [], fields, new RuleLimits(), null);
        var query = new SegmentQuery(db, new DefinitionCache(fields, new RuleLimits(), new ScoreSources()), new FakeTimeProvider(Now));
        for (var i = 0; i < 150; i++)
        {
            var rule = JsonSerializer.Deserialize<JsonElement>(Group(random, n, depth: 2));
            DateTimeOffset? asOf = i % 3 == 0 ? Now.AddDays(-1) : null;
            var memory = definitions.Compile(rule, Backend.Memory, asOf is not null).ToFunc();
            var expected = customers.Where(c => memory(c, new Evaluation(asOf ?? Now, "UTC"))).Select(c => c.Id).ToHashSet();

            var predicate = query.CreatePredicate(definitions, rule, "UTC", asOf);
            var count = await query.CountAsync(predicate, CancellationToken.None);
            Assert.True(
                (expected.Count, n) == (count.Count, count.Total), $"{expected.Count} of {n}, got {count.Count} of {count.Total}: {rule}");
            var (_, sample) = await query.PreviewAsync(predicate, 100, CancellationToken.None);
            Assert.True(expected.SetEquals(sample.Select(c => c.Id)), rule.ToString());
            Assert.True(expected.SetEquals(await query.Members(predicate).Select(c => c.Id).ToListAsync()), rule.ToString());
            Assert.Null(db.Database.CurrentTransaction);
        }
    }

    [Fact]
    public async Task ReadAsync_WrittenMeanwhile_IsOfOneSnapshot()
    {
        await using var source = NpgsqlDataSource.Create(await databases.CreateDatabaseAsync());
        await using var db = new SegmentationDb(
            new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(source).ConfigureWarnings(TestDatabase.ManyHosts).Options);
        await db.Database.MigrateAsync();
        db.Customers.AddRange(Customer(0, 1), Customer(1, 2));
        await db.SaveChangesAsync();
        var fields = new CustomerFields(new RevenueOptions(), new FeedbackOptions());
        var rule = new DefinitionSet(1, [], [], fields, new RuleLimits(), null)
            .Compile(JsonSerializer.Deserialize<JsonElement>(All(Is("value.percentile", "=", "100"))), Backend.Sql, historical: false);
        var predicate = rule.ToQuery(new Evaluation(Now, "UTC"), db.Rows);

        await using (var thresholds = await PercentileThresholds.ReadAsync(db, predicate, CancellationToken.None))
        {
            Assert.Equal(IsolationLevel.RepeatableRead, db.Database.CurrentTransaction!.GetDbTransaction().IsolationLevel);
            await using var other = source.CreateCommand("UPDATE customers SET lifetime_value = 3 WHERE id = 'c0'");
            await other.ExecuteNonQueryAsync();
            Assert.Equal(["c1"], await db.Customers.Where(thresholds.Predicate).Select(c => c.Id).ToListAsync());
        }

        await using (var thresholds = await PercentileThresholds.ReadAsync(db, predicate, CancellationToken.None))
        {
            Assert.Equal(["c0"], await db.Customers.Where(thresholds.Predicate).Select(c => c.Id).ToListAsync());
        }
    }

    private static string Group(Random random, int n, int depth)
    {
        var rules = Enumerable.Range(0, random.Next(1, 4))
            .Select(_ => depth > 1 && random.Next(3) == 0 ? Group(random, n, depth - 1) : Rule(random, n));
        var (combinator, not) = (random.Next(2) == 0 ? "and" : "or", random.Next(3) == 0 ? "true" : "false");
        return $$"""{"combinator":"{{combinator}}","not":{{not}},"rules":[{{string.Join(',', rules)}}]}""";
    }

    private static string Rule(Random random, int n)
    {
        string[] operators = ["=", "!=", "<", "<=", ">", ">=", "between", "notBetween", "in", "notIn", "null", "notNull"];
        var op = operators[random.Next(operators.Length)];
        var list = Enumerable.Range(0, op is "between" or "notBetween" ? 2 : random.Next(1, 4)).Select(_ => Percentile(random, n)).Order()
            .Select(p => p.ToString(CultureInfo.InvariantCulture)).ToList();
        return Is("value.percentile", op, op is "null" or "notNull" ? null
            : op is "in" or "notIn" or "between" or "notBetween" ? $"[{string.Join(',', list)}]"
            : list[0]);
    }

    // Those that customers have, exactly where they can be, and what is just beside them; also beyond both ends.
    private static decimal Percentile(Random random, int n) =>
        Math.Round(100m * random.Next(-1, n + 2) / Math.Max(n - 1, 1), random.Next(3) * 4)
            + (random.Next(-1, 2) * (random.Next(2) == 0 ? 0.000000001m : 0));

    private static Customer Customer(int i, decimal value)
    {
        var customer = new Customer { Id = $"c{i}", Version = 1, CreatedAt = Now, UpdatedAt = Now, LifetimeValue = value };
        customer.Events.Add(new CustomerEvent
        {
            Id = "e",
            OccurredAt = Now.AddDays(-2),
            Type = value < 0 ? "order_refunded" : "order_completed",
            Amount = Math.Abs(value)
        });
        return customer;
    }
}
