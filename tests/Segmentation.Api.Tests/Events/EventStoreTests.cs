using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Memberships;
using Segmentation.Api.Privacy;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Events;

/// <summary>What the store appends to the change log, and how many customers the backlog then counts.</summary>
public sealed class EventStoreTests(RuleWorld world) : IClassFixture<RuleWorld>
{
    private const string Stored =
        "INSERT INTO membership_states (segment_id, status, size, progress, failures, cancel_requested) " +
        "VALUES (1, 'Ready', 0, 1, 0, false);";
    private const string Customers = "INSERT INTO membership_work (cause, keys, created) VALUES (1, '{1,2}', false);";
    private const string NewCustomers = "INSERT INTO membership_work (cause, keys, created) VALUES (1, '{1,2,3,4}', true);";
    private const string OfOneSegment = "INSERT INTO membership_work (cause, segment_id, keys, created) VALUES (1, 1, '{1,2,3,4}', false);";
    private const string WholeSegment = "INSERT INTO membership_work (cause, segment_id, created) VALUES (1, 1, false);";

    [Theory]
    [InlineData(0, "")]
    [InlineData(0, Stored)]
    [InlineData(0, Customers + Customers)]
    [InlineData(2, Stored + Customers)]
    [InlineData(2, Stored + Customers + NewCustomers + OfOneSegment + WholeSegment)]
    [InlineData(4, Stored + Customers + Customers)]
    public async Task CountBacklog_OnlyWhereMembershipIsStored(int waiting, string sql)
    {
        await using var db = world.NewDb();
        await using var transaction = await db.Database.BeginTransactionAsync();
        if (sql.Length > 0)
        {
            await db.Database.ExecuteSqlRawAsync(
                sql.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));
        }

        Assert.Equal(waiting, await new MembershipBacklog(db).CountAsync(default));
    }

    [Fact]
    public async Task Store_Many_AppendsEntriesInPieces_EachCustomerOnceForEachType()
    {
        await using var db = world.NewDb();
        var id = await db.Customers.OrderBy(c => c.Key).Select(c => c.Id).FirstAsync();
        var began = await db.ChangeLog.MaxAsync(w => (long?)w.Id) ?? 0;
        IncomingEvent[] events = [.. Enumerable.Range(0, 2600).Select(i => new IncomingEvent(
            i < 2100 ? $"piece-{i}" : i < 2500 ? "piece-1" : id,
            new CustomerEvent
            {
                Id = $"piece{i}",
                Type = i % 2 == 0 ? "piece_a" : "piece_b",
                TypeSent = "piece",
                OccurredAt = RuleWorld.Now.AddSeconds(i)
            },
            i))];
        Assert.Equal(2600, (await NewStore(db).StoreAsync(events, create: true, default)).Stored);

        var entries = await db.ChangeLog.Where(w => w.Id > began && !w.Created).OrderBy(w => w.Id).ToListAsync();
        Assert.Equal([1000, 1000, 103], entries.Select(w => w.Keys!.Length));
        Assert.True(entries.All(w =>
            w.EventTypes!.Length == w.Keys!.Length && w.EventIds!.Length == w.Keys!.Length && w.EventTimes!.Length == w.Keys!.Length));
        var pairs = entries.SelectMany(w => w.Keys!.Zip(w.EventTypes!, w.EventIds!)).ToList();
        Assert.Equal(2103, pairs.Select(p => (p.First, p.Second)).Distinct().Count());

        // The last event of each customer and type is the cause; the earliest gives the time.
        Assert.Contains(pairs, p => p.Third == "piece2498");
        Assert.Contains(pairs, p => p.Third == "piece2499");
        Assert.Contains(entries.SelectMany(w => w.EventIds!.Zip(w.EventTimes!)), e => e == ("piece2499", RuleWorld.Now.AddSeconds(1)));
    }

    [Fact]
    public async Task Store_FeedbackInAnyOrder_KeepsTheLatestFiveAndTheirMeans()
    {
        // Few instants, so that many are equal; late ones, duplicates and parts of one transaction.
        var random = new Random(7);
        foreach (var round in Enumerable.Range(0, 12))
        {
            IncomingEvent[] events = [.. Enumerable.Range(0, random.Next(1, 40)).Select(i => new IncomingEvent(
                $"felt-{random.Next(4)}",
                new CustomerEvent
                {
                    Id = $"{(random.Next(5) == 0 ? 0 : round)}-{i}",
                    Type = random.Next(6) == 0 ? "page_viewed" : "feedback",
                    OccurredAt = RuleWorld.Now.AddDays(-random.Next(30)),
                    Properties = JsonElement.Parse($$"""{"{{(random.Next(4) == 0 ? "none" : "nps")}}":{{random.Next(11)}}}"""),
                },
                i))];
            await using var db = world.NewDb();
            await (round % 2 == 0
                ? NewStore(db).StoreAsync(events, create: true, default)
                : NewStore(db).StoreAsync(
                    [.. events.Select(e => e.CustomerId)], () => events.Chunk(7).ToAsyncEnumerable(), create: true, default));
        }

        await using var read = world.NewDb();
        var customers = await read.Customers.Include(c => c.Events).Where(c => c.Id.StartsWith("felt-")).ToListAsync();
        Assert.Equal(4, customers.Count);
        foreach (var customer in customers)
        {
            var expected = new Customer { Id = "" };
            RecentSentiment.Set(expected, customer.Events, new FeedbackOptions());
            Assert.NotNull(expected.SentimentAt5);
            Assert.Equal(Columns(expected), Columns(customer));
        }

        static object?[] Columns(Customer c) =>
        [
            c.LastFeedbackAt, c.SentimentAt1, c.SentimentMean1, c.SentimentAt2, c.SentimentMean2, c.SentimentAt3, c.SentimentMean3,
            c.SentimentAt4, c.SentimentMean4, c.SentimentAt5, c.SentimentMean5,
        ];
    }

    private static EventStore NewStore(SegmentationDb db)
    {
        var feedback = new FeedbackOptions();
        var nobody = new ErasedIds(marks: null!); // Of whom nobody was erased no mark is computed.
        return new EventStore(
            db, new RevenueOptions(), feedback, new Sentiments(feedback, new SentimentModels()), nobody, TimeProvider.System);
    }
}
