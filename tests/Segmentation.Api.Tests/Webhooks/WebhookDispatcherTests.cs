using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>Delivery, by a clock of the test's own.</summary>
public sealed class WebhookDispatcherTests(WebhookWorld world) : IClassFixture<WebhookWorld>, IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider time = new(Start);
    private readonly WebhookOptions options = new() { AllowPrivateAddresses = true, TimeoutSeconds = 2 };
    private readonly CancellationTokenSource leading = new();
    private Receiver receiver = null!;
    private Receiver other = null!;
    private WebhookSender sender = null!;
    private WebhookDispatcher dispatcher = null!;
    private Task running = Task.CompletedTask;

    public async Task InitializeAsync()
    {
        receiver = await Receiver.StartAsync();
        other = await Receiver.StartAsync();
        sender = new WebhookSender(options, time);
        var queue = new WebhookQueue(world.Database, time, NullLogger<WebhookQueue>.Instance);
        var retention = new WebhookRetention(world.Database, options, time);
        dispatcher = new WebhookDispatcher(queue, retention, sender, options, time, NullLogger<WebhookDispatcher>.Instance);
    }

    public async Task DisposeAsync()
    {
        await leading.CancelAsync();
        await running;
        await MembershipSql.RunAsync(world.Database, "DELETE FROM webhooks; DELETE FROM webhook_deliveries");
        await receiver.DisposeAsync();
        await other.DisposeAsync();
        sender.Dispose();
        leading.Dispose();
    }

    [Fact]
    public async Task Run_Message_IsSignedAndSaysWhatHappened()
    {
        var hook = await world.WebhookAsync(receiver.Url);
        var id = await world.QueueAsync(hook, 1, Start.AddSeconds(-2));
        Run();
        await DoneAsync(hook, id, DeliveryState.Delivered);

        var received = Assert.Single(receiver.All);
        var delivery = world.Delivery(hook, id);
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
        receiver.AnswerStatus(_ => HttpStatusCode.InternalServerError);
        var hook = await world.WebhookAsync(receiver.Url);
        var id = await world.QueueAsync(hook, 1, Start);
        Run();
        for (var attempt = 1; attempt <= WebhookRetries.Delays.Length; attempt++)
        {
            await receiver.UntilAsync(() => world.Delivery(hook, id).Attempts == attempt, $"attempt {attempt}");
            var delivery = world.Delivery(hook, id);
            var wait = delivery.NextAttemptAt!.Value - time.GetUtcNow();
            Assert.InRange(wait, WebhookRetries.Delays[attempt - 1] * 0.79, WebhookRetries.Delays[attempt - 1]);
            Assert.Equal((500, "It answered 500."), (delivery.LastStatus, delivery.LastError));
            time.Advance(wait - TimeSpan.FromMilliseconds(1));
            await PolledAsync();
            Assert.Equal(attempt, receiver.All.Count);
            time.Advance(TimeSpan.FromMilliseconds(1));
        }

        await DoneAsync(hook, id, DeliveryState.Dead);
        Assert.InRange(time.GetUtcNow() - Start, TimeSpan.FromHours(18), TimeSpan.FromHours(24));
        Assert.Single(receiver.All.Select(r => r.Id).Distinct());
        Assert.Equal(receiver.All.Count, receiver.All.Select(r => r.Timestamp).Distinct().Count());

        // Replayed, it begins anew.
        await MembershipSql.RunAsync(world.Database, $"""
            UPDATE webhook_deliveries SET state = 0, attempts = 0, done_at = NULL, next_attempt_at = queued_at WHERE webhook_key = {hook}
            """);
        receiver.AnswerStatus(_ => HttpStatusCode.NoContent);
        time.Advance(TimeSpan.FromMinutes(6)); // The receiver was paused for a while.
        await DoneAsync(hook, id, DeliveryState.Delivered);
    }

    [Fact]
    public async Task Run_ManyCustomersSomeFailing_EachCustomersOrderHoldsAndOthersGoOn()
    {
        const int Customers = 40, Each = 8;
        var failed = new HashSet<string>();
        receiver.AnswerStatus(r =>
        {
            // Every third customer's messages fail at first.
            lock (failed)
            {
                return int.Parse(r.Customer[2..]) % 3 == 0 && failed.Add(r.Id) ? HttpStatusCode.BadGateway : HttpStatusCode.OK;
            }
        });
        var hook = await world.WebhookAsync(receiver.Url);
        for (var n = 0; n < Each; n++)
        {
            for (var customer = 1; customer <= Customers; customer++)
            {
                await world.QueueAsync(hook, customer, Start.AddSeconds(n), joined: n % 2 == 0);
            }
        }

        time.Advance(TimeSpan.FromMinutes(1));
        Run();
        await receiver.UntilAsync(() => Count("state = 1") == Each * (Customers - (Customers / 3)), "those that do not fail");
        Assert.Equal(Each * (Customers / 3), Count("state = 0")); // The others' later messages wait.
        Assert.Equal(Customers / 3, Count("state = 0 AND attempts > 0"));
        for (var step = 0; step < Each && Count("state = 0") > 0; step++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            var before = Count("attempts > 0");
            await receiver.UntilAsync(
                () => Count("state = 0") == 0 || Count("attempts > 0") >= before + (Customers / 3), "the next message of each");
        }

        await receiver.UntilAsync(() => Count("state = 0") == 0, "all");
        var firsts = receiver.All.DistinctBy(r => r.Id).ToList();
        var lasts = receiver.All.Reverse().DistinctBy(r => r.Id).Reverse().ToList();
        Assert.Equal(Customers * Each, firsts.Count);
        foreach (var order in new[] { firsts, lasts })
        {
            Assert.All(order.GroupBy(r => r.Customer), c =>
                Assert.Equal(
                    Enumerable.Range(0, Each).Select(n => Start.AddSeconds(n)),
                    c.Select(r => r.Json.GetProperty("timestamp").GetDateTimeOffset())));
        }

        int Count(string where) => (int)MembershipSql.ScalarAsync<long>(
            world.Database, $"SELECT count(*) FROM webhook_deliveries WHERE webhook_key = {hook} AND {where}")
            .GetAwaiter()
            .GetResult();
    }

    [Fact]
    public async Task Run_ReceiverThatAcceptsNothing_IsPausedThenProbed()
    {
        receiver.AnswerStatus(_ => HttpStatusCode.InternalServerError);
        var hook = await world.WebhookAsync(receiver.Url);
        await MembershipSql.RunAsync(world.Database, $"""
            INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
              joined, cause, at, queued_at, next_attempt_at, message_id, state, attempts)
            SELECT {hook}, n, 'c-' || n, 'vip', 'VIP', 1, true, 2, '{Start:O}', '{Start:O}', '{Start:O}',
              gen_random_uuid(), 0, 0 FROM generate_series(1, 2000) n
            """);
        Run();
        await receiver.UntilAsync(() => receiver.All.Count >= 10 && Attempts() == receiver.All.Count, "a pause");
        await PolledAsync();
        Assert.InRange(receiver.All.Count, 10, 10 + options.Parallelism);
        var tried = receiver.All.Count;
        time.Advance(TimeSpan.FromSeconds(6));
        await receiver.UntilAsync(() => Attempts() > tried, "a probe");
        await PolledAsync();
        Assert.Equal(tried + 1, receiver.All.Count);

        receiver.AnswerStatus(_ => HttpStatusCode.OK);
        time.Advance(TimeSpan.FromMinutes(6));
        await receiver.UntilAsync(
            () => MembershipSql.ScalarAsync<long>(
                world.Database,
                $"SELECT count(*) FROM webhook_deliveries WHERE webhook_key = {hook} AND state = 1").GetAwaiter().GetResult() == 2000,
            "all");

        long Attempts() => MembershipSql.ScalarAsync<long>(
            world.Database, $"SELECT sum(attempts) FROM webhook_deliveries WHERE webhook_key = {hook}").GetAwaiter().GetResult();
    }

    [Fact]
    public async Task Run_SegmentDeleted_ComesAfterWhatIsUnderWayAndBeforeTheNewOne()
    {
        // What is under way when the segment is deleted is not in the outbox any more; its answer comes late.
        options.TimeoutSeconds = 120;
        using var underWay = new SemaphoreSlim(0);
        receiver.Answer = (_, received) =>
            received.Body.Contains("c-1", StringComparison.Ordinal) ? underWay.WaitAsync() : Task.CompletedTask;
        var hook = await world.WebhookAsync(receiver.Url);
        await world.QueueAsync(hook, 1, Start);
        Run();
        await receiver.UntilAsync(() => receiver.All.Count == 1, "the first");
        await MembershipSql.RunAsync(world.Database, $"DELETE FROM webhook_deliveries WHERE webhook_key = {hook}");
        var end = await EndAsync(hook, "vip");
        var joined = new[] { await world.QueueAsync(hook, 1, Start), await world.QueueAsync(hook, 2, Start) };
        var elsewhere = await MembershipSql.ScalarAsync<long>(world.Database, $"""
            UPDATE webhook_deliveries SET segment_key = 'other' WHERE id = {await world.QueueAsync(hook, 3, Start)} RETURNING id
            """);
        await DoneAsync(hook, elsewhere, DeliveryState.Delivered);
        await PolledAsync();
        Assert.Equal(["segment.joined", "segment.joined"], receiver.All.Select(Type));

        // The end fails once: all that is about the segment waits for it.
        receiver.AnswerStatus(r => Type(r) == "segment.deleted" ? HttpStatusCode.InternalServerError : HttpStatusCode.OK);
        underWay.Release(2);
        await receiver.UntilAsync(() => world.Delivery(hook, end).Attempts == 1, "the end");
        time.Advance(TimeSpan.FromSeconds(2));
        await PolledAsync();
        Assert.Equal("segment.deleted", Type(receiver.All.Last()));
        Assert.All(joined.Select(id => world.Delivery(hook, id)), d => Assert.Equal((DeliveryState.Pending, 0), (d.State, d.Attempts)));

        receiver.AnswerStatus(_ => HttpStatusCode.OK);
        time.Advance(TimeSpan.FromSeconds(10));
        await DoneAsync(hook, end, DeliveryState.Delivered);
        time.Advance(TimeSpan.FromSeconds(10));
        await DoneAsync(hook, joined[0], DeliveryState.Delivered);
        await DoneAsync(hook, joined[1], DeliveryState.Delivered);
        Assert.Equal(
            ["segment.joined", "segment.joined", "segment.deleted", "segment.deleted", "segment.joined", "segment.joined"],
            receiver.All.Select(Type));
        Assert.True(JsonElement.DeepEquals(JsonSerializer.Deserialize<JsonElement>(
            """{"type":"segment.deleted","timestamp":"2026-03-01T12:00:00Z","data":{"segment":"vip","segmentName":"VIP","version":3}}"""),
            receiver.All.First(r => Type(r) == "segment.deleted").Json));

        static string Type(Received r) => r.Json.GetProperty("type").GetString()!;
    }

    [Fact]
    public async Task Run_Gone_DisablesTheWebhook()
    {
        receiver.AnswerStatus(_ => HttpStatusCode.Gone);
        var hook = await world.WebhookAsync(receiver.Url);
        var id = await world.QueueAsync(hook, 1, Start);
        Run();
        await receiver.UntilAsync(
            () => !MembershipSql.ScalarAsync<bool>(world.Database, $"SELECT enabled FROM webhooks WHERE key = {hook}")
                .GetAwaiter()
                .GetResult(),
            "disabled");
        time.Advance(TimeSpan.FromHours(1));
        await PolledAsync();
        Assert.Single(receiver.All);
        Assert.Equal(DeliveryState.Pending, world.Delivery(hook, id).State);

        // After a day it is a dead letter.
        time.Advance(TimeSpan.FromHours(24));
        await DoneAsync(hook, id, DeliveryState.Dead);
    }

    [Fact]
    public async Task Run_Redirect_IsNotFollowedAndSlowAnswersAreCutOff()
    {
        receiver.Answer = async (context, received) =>
        {
            if (received.Customer == "c-1")
            {
                context.Response.Redirect(receiver.Url, permanent: true, preserveMethod: true);
            }
            else
            {
                await Task.Delay(TimeSpan.FromSeconds(10), context.RequestAborted);
            }
        };
        var hook = await world.WebhookAsync(receiver.Url);
        var (moved, slow) = (await world.QueueAsync(hook, 1, Start), await world.QueueAsync(hook, 2, Start));
        Run();
        await receiver.UntilAsync(() => world.Delivery(hook, moved).Attempts == 1 && world.Delivery(hook, slow).Attempts == 1, "both");
        Assert.Equal((308, "It answered 308."), (world.Delivery(hook, moved).LastStatus, world.Delivery(hook, moved).LastError));
        Assert.Equal(
            (null, "There was no answer within 2 s."), (world.Delivery(hook, slow).LastStatus, world.Delivery(hook, slow).LastError));
        Assert.Equal(2, receiver.All.Count);
    }

    [Fact]
    public async Task Run_EndlessAnswer_IsDeliveredWithoutBeingRead()
    {
        receiver.Answer = async (context, _) =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(new byte[8192], context.RequestAborted);
            }
        };
        var hook = await world.WebhookAsync(receiver.Url);
        var id = await world.QueueAsync(hook, 1, Start);
        Run();
        await DoneAsync(hook, id, DeliveryState.Delivered);
    }

    [Fact]
    public async Task Run_PrivateAddress_IsRefusedAtTheConnection()
    {
        options.AllowPrivateAddresses = false;
        var byName = await world.WebhookAsync(receiver.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        var byAddress = await world.WebhookAsync(receiver.Url);
        var ids = (await world.QueueAsync(byName, 1, Start), await world.QueueAsync(byAddress, 1, Start));
        Run();
        await receiver.UntilAsync(
            () => world.Delivery(byName, ids.Item1).Attempts == 1 && world.Delivery(byAddress, ids.Item2).Attempts == 1, "both");
        Assert.Contains("private", world.Delivery(byName, ids.Item1).LastError, StringComparison.Ordinal);
        Assert.Contains("private", world.Delivery(byAddress, ids.Item2).LastError, StringComparison.Ordinal);
        Assert.Empty(receiver.All);
    }

    [Fact]
    public async Task Run_TakenOverInTheMiddle_NothingIsLost()
    {
        receiver.Answer = (_, _) => Task.Delay(30);
        var hook = await world.WebhookAsync(receiver.Url);
        for (var n = 0; n < 200; n++)
        {
            await world.QueueAsync(hook, n % 50, Start);
        }

        for (var i = 0; i < 3; i++)
        {
            using var term = new CancellationTokenSource(TimeSpan.FromMilliseconds(150));
            await dispatcher.RunAsync(term.Token);
        }

        Run();
        await receiver.UntilAsync(
            () => MembershipSql.ScalarAsync<long>(
                world.Database,
                $"SELECT count(*) FROM webhook_deliveries WHERE webhook_key = {hook} AND state = 1").GetAwaiter().GetResult() == 200,
            "all");
        Assert.Equal(200, receiver.All.Select(r => r.Id).Distinct().Count());
    }

    [Fact]
    public async Task Run_ThousandsOfMessages_AreEachReceived()
    {
        const int Count = 5000;
        var hook = await world.WebhookAsync(receiver.Url);
        await MembershipSql.RunAsync(world.Database, $"""
            INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
              joined, cause, at, queued_at, next_attempt_at, message_id, state, attempts)
            SELECT {hook}, n, 'c-' || n, 'vip', 'VIP', 1, true, 2, '{Start:O}', '{Start:O}', '{Start:O}',
              gen_random_uuid(), 0, 0 FROM generate_series(1, {Count}) n
            """);
        Run();
        await receiver.UntilAsync(() => receiver.All.Count >= Count, "all");
        Assert.Equal(Count, receiver.All.Select(r => r.Id).Distinct().Count());
    }

    private void Run() => running = dispatcher.RunAsync(leading.Token);

    // Whatever is due has been looked for, twice: messages to another webhook that were queued after it have been sent.
    private async Task PolledAsync()
    {
        var hook = await world.WebhookAsync(other.Url);
        for (var poll = 0; poll < 2; poll++)
        {
            await DoneAsync(hook, await world.QueueAsync(hook, 1, time.GetUtcNow()), DeliveryState.Delivered);
        }
    }

    // That a segment was deleted.
    private Task<long> EndAsync(int hook, string segment) => MembershipSql.ScalarAsync<long>(world.Database, $"""
        INSERT INTO webhook_deliveries (webhook_key, customer_key, segment_key, segment_name, segment_version,
          joined, cause, at, queued_at, next_attempt_at, message_id, state, attempts)
        VALUES ({hook}, -1, '{segment}', 'VIP', 3, false, 4, '{Start:O}', '{Start:O}', '{Start:O}', gen_random_uuid(), 0, 0) RETURNING id
        """);

    private Task DoneAsync(int hook, long id, DeliveryState state) =>
        receiver.UntilAsync(() => world.Delivery(hook, id).State == state, $"{state}");
}
