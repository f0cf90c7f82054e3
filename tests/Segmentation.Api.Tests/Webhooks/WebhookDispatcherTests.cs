using System.Net;
using System.Text.Json;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>Delivery: signed, again after failures, and in order.</summary>
public sealed class WebhookDispatcherTests(WebhookWorld world) : DispatcherTests(world)
{
    [Fact]
    public async Task Run_Message_IsSignedAndSaysWhatHappened()
    {
        var hook = await World.WebhookAsync(Receiver.Url);
        var id = await World.QueueAsync(hook, 1, Start.AddSeconds(-2));
        Run();
        await DoneAsync(hook, id, DeliveryState.Delivered);

        var received = Assert.Single(Receiver.All);
        var delivery = World.Delivery(hook, id);
        Assert.Equal(
            (WebhookDelivery.MessageName(delivery.MessageId), $"{Start.ToUnixTimeSeconds()}", "application/json"),
            (received.Id, received.Timestamp, received.ContentType));
        Assert.Equal(
            WebhookSignatureTests.Sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", received.Id, received.Timestamp, received.Body),
            received.Signature);
        Assert.True(JsonElement.DeepEquals(JsonSerializer.Deserialize<JsonElement>(
            """
            {"type":"segment.joined","timestamp":"2026-03-01T11:59:58Z",
             "data":{"segment":"vip","segmentName":"VIP","customerId":"c-1","cause":"event","eventId":"e-1","version":3}}
            """), received.Json), received.Body);
        Assert.Equal(
            (1, (int?)200, null, null, (DateTimeOffset?)Start),
            (delivery.Attempts, delivery.LastStatus, delivery.LastError, delivery.NextAttemptAt, delivery.DoneAt));
    }

    [Fact]
    public async Task Run_Failures_AreTriedAgainForADayAndThenDead()
    {
        Receiver.AnswerStatus(_ => HttpStatusCode.InternalServerError);
        var hook = await World.WebhookAsync(Receiver.Url);
        var id = await World.QueueAsync(hook, 1, Start);
        Run();
        for (var attempt = 1; attempt <= WebhookRetries.Delays.Length; attempt++)
        {
            await Receiver.UntilAsync(() => World.Delivery(hook, id).Attempts == attempt, $"attempt {attempt}");
            var delivery = World.Delivery(hook, id);
            var wait = delivery.NextAttemptAt!.Value - Clock.GetUtcNow();
            Assert.InRange(wait, WebhookRetries.Delays[attempt - 1] * 0.79, WebhookRetries.Delays[attempt - 1]);
            Assert.Equal((500, "It answered 500."), (delivery.LastStatus, delivery.LastError));
            Clock.Advance(wait - TimeSpan.FromMilliseconds(1));
            await PolledAsync();
            Assert.Equal(attempt, Receiver.All.Count);
            Clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        await DoneAsync(hook, id, DeliveryState.Dead);
        Assert.InRange(Clock.GetUtcNow() - Start, TimeSpan.FromHours(18), TimeSpan.FromHours(24));
        Assert.Single(Receiver.All.Select(r => r.Id).Distinct());
        Assert.Equal(Receiver.All.Count, Receiver.All.Select(r => r.Timestamp).Distinct().Count());

        // Replayed, it begins anew.
        await MembershipSql.RunAsync(World.Database, $"""
            UPDATE webhook_deliveries SET state = 0, attempts = 0, done_at = NULL, next_attempt_at = queued_at WHERE webhook_key = {hook}
            """);
        Receiver.AnswerStatus(_ => HttpStatusCode.NoContent);
        Clock.Advance(TimeSpan.FromMinutes(6)); // The receiver was paused for a while.
        await DoneAsync(hook, id, DeliveryState.Delivered);
    }

    [Fact]
    public async Task Run_ManyCustomersSomeFailing_EachCustomersOrderHoldsAndOthersGoOn()
    {
        const int Customers = 40, Each = 8;
        var failed = new HashSet<string>();
        Receiver.AnswerStatus(r =>
        {
            // Every third customer's messages fail at first.
            lock (failed)
            {
                return int.Parse(r.Customer[2..]) % 3 == 0 && failed.Add(r.Id) ? HttpStatusCode.BadGateway : HttpStatusCode.OK;
            }
        });
        var hook = await World.WebhookAsync(Receiver.Url);
        for (var n = 0; n < Each; n++)
        {
            for (var customer = 1; customer <= Customers; customer++)
            {
                await World.QueueAsync(hook, customer, Start.AddSeconds(n), joined: n % 2 == 0);
            }
        }

        Clock.Advance(TimeSpan.FromMinutes(1));
        Run();
        await Receiver.UntilAsync(() => Count("state = 1") == Each * (Customers - (Customers / 3)), "those that do not fail");
        Assert.Equal(Each * (Customers / 3), Count("state = 0")); // The others' later messages wait.
        Assert.Equal(Customers / 3, Count("state = 0 AND attempts > 0"));
        for (var step = 0; step < Each && Count("state = 0") > 0; step++)
        {
            Clock.Advance(TimeSpan.FromMinutes(1));
            var before = Count("attempts > 0");
            await Receiver.UntilAsync(
                () => Count("state = 0") == 0 || Count("attempts > 0") >= before + (Customers / 3), "the next message of each");
        }

        await Receiver.UntilAsync(() => Count("state = 0") == 0, "all");
        var firsts = Receiver.All.DistinctBy(r => r.Id).ToList();
        var lasts = Receiver.All.Reverse().DistinctBy(r => r.Id).Reverse().ToList();
        Assert.Equal(Customers * Each, firsts.Count);
        foreach (var order in new[] { firsts, lasts })
        {
            Assert.All(order.GroupBy(r => r.Customer), c =>
                Assert.Equal(
                    Enumerable.Range(0, Each).Select(n => Start.AddSeconds(n)),
                    c.Select(r => r.Json.GetProperty("timestamp").GetDateTimeOffset())));
        }

        int Count(string where) => (int)MembershipSql.ScalarAsync<long>(
            World.Database, $"SELECT count(*) FROM webhook_deliveries WHERE webhook_key = {hook} AND {where}")
            .GetAwaiter()
            .GetResult();
    }

    [Fact]
    public async Task Run_SegmentDeleted_ComesAfterWhatIsUnderWayAndBeforeTheNewOne()
    {
        // What is under way when the segment is deleted is not in the outbox any more; its answer comes late.
        Options.TimeoutSeconds = 120;
        using var underWay = new SemaphoreSlim(0);
        Receiver.Answer = (_, received) =>
            received.Body.Contains("c-1", StringComparison.Ordinal) ? underWay.WaitAsync() : Task.CompletedTask;
        var hook = await World.WebhookAsync(Receiver.Url);
        await World.QueueAsync(hook, 1, Start);
        Run();
        await Receiver.UntilAsync(() => Receiver.All.Count == 1, "the first");
        await MembershipSql.RunAsync(World.Database, $"DELETE FROM webhook_deliveries WHERE webhook_key = {hook}");
        var end = await EndAsync(hook, "vip");
        var joined = new[] { await World.QueueAsync(hook, 1, Start), await World.QueueAsync(hook, 2, Start) };
        var elsewhere = await MembershipSql.ScalarAsync<long>(World.Database, $"""
            UPDATE webhook_deliveries SET segment_key = 'other' WHERE id = {await World.QueueAsync(hook, 3, Start)} RETURNING id
            """);
        await DoneAsync(hook, elsewhere, DeliveryState.Delivered);
        await PolledAsync();
        Assert.Equal(["segment.joined", "segment.joined"], Receiver.All.Select(Type));

        // The end fails once: all that is about the segment waits for it.
        Receiver.AnswerStatus(r => Type(r) == "segment.deleted" ? HttpStatusCode.InternalServerError : HttpStatusCode.OK);
        underWay.Release(2);
        await Receiver.UntilAsync(() => World.Delivery(hook, end).Attempts == 1, "the end");
        Clock.Advance(TimeSpan.FromSeconds(2));
        await PolledAsync();
        Assert.Equal("segment.deleted", Type(Receiver.All.Last()));
        Assert.All(joined.Select(id => World.Delivery(hook, id)), d => Assert.Equal((DeliveryState.Pending, 0), (d.State, d.Attempts)));

        Receiver.AnswerStatus(_ => HttpStatusCode.OK);
        Clock.Advance(TimeSpan.FromSeconds(10));
        await DoneAsync(hook, end, DeliveryState.Delivered);
        Clock.Advance(TimeSpan.FromSeconds(10));
        await DoneAsync(hook, joined[0], DeliveryState.Delivered);
        await DoneAsync(hook, joined[1], DeliveryState.Delivered);
        Assert.Equal(
            ["segment.joined", "segment.joined", "segment.deleted", "segment.deleted", "segment.joined", "segment.joined"],
            Receiver.All.Select(Type));
        Assert.True(JsonElement.DeepEquals(JsonSerializer.Deserialize<JsonElement>(
            """{"type":"segment.deleted","timestamp":"2026-03-01T12:00:00Z","data":{"segment":"vip","segmentName":"VIP","version":3}}"""),
            Receiver.All.First(r => Type(r) == "segment.deleted").Json));

        static string Type(Received r) => r.Json.GetProperty("type").GetString()!;
    }

    [Fact]
    public async Task Run_TakenOverInTheMiddle_NothingIsLost()
    {
        Receiver.Answer = (_, _) => Task.Delay(30);
        var hook = await World.WebhookAsync(Receiver.Url);
        for (var n = 0; n < 200; n++)
        {
            await World.QueueAsync(hook, n % 50, Start);
        }

        for (var i = 0; i < 3; i++)
        {
            using var term = new CancellationTokenSource(TimeSpan.FromMilliseconds(150));
            await Dispatcher.RunAsync(term.Token);
        }

        Run();
        await Receiver.UntilAsync(
            () => MembershipSql.ScalarAsync<long>(
                World.Database,
                $"SELECT count(*) FROM webhook_deliveries WHERE webhook_key = {hook} AND state = 1").GetAwaiter().GetResult() == 200,
            "all");
        Assert.Equal(200, Receiver.All.Select(r => r.Id).Distinct().Count());
    }

    [Fact]
    public async Task Run_ThousandsOfMessages_AreEachReceived()
    {
        const int Count = 5000;
        var hook = await World.WebhookAsync(Receiver.Url);
        await QueueManyAsync(hook, Count);
        Run();
        await Receiver.UntilAsync(() => Receiver.All.Count >= Count, "all");
        Assert.Equal(Count, Receiver.All.Select(r => r.Id).Distinct().Count());
    }

    // That a segment was deleted.
    private Task<long> EndAsync(int hook, string segment) => MembershipSql.ScalarAsync<long>(World.Database, $"""
        INSERT INTO webhook_deliveries (webhook_key, customer_key, segment_key, segment_name, segment_version,
          joined, cause, at, queued_at, next_attempt_at, message_id, state, attempts)
        VALUES ({hook}, -1, '{segment}', 'VIP', 3, false, 4, '{Start:O}', '{Start:O}', '{Start:O}', gen_random_uuid(), 0, 0) RETURNING id
        """);
}
