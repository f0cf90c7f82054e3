using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>Receivers that are slow, away, gone, or where they may not be.</summary>
public sealed class WebhookReceiverTests(WebhookWorld world) : DispatcherTests(world)
{
    [Fact]
    public async Task Run_ReceiverThatAcceptsNothing_IsPausedThenProbed()
    {
        Receiver.AnswerStatus(_ => HttpStatusCode.InternalServerError);
        var hook = await World.WebhookAsync(Receiver.Url);
        await QueueManyAsync(hook, 2000);
        Run();
        await Receiver.UntilAsync(() => Receiver.All.Count >= 10 && Attempts() == Receiver.All.Count, "a pause");
        await PolledAsync();
        Assert.InRange(Receiver.All.Count, 10, 10 + Options.Parallelism);
        var tried = Receiver.All.Count;
        Clock.Advance(TimeSpan.FromSeconds(6));
        await Receiver.UntilAsync(() => Attempts() > tried, "a probe");
        await PolledAsync();
        Assert.Equal(tried + 1, Receiver.All.Count);

        Receiver.AnswerStatus(_ => HttpStatusCode.OK);
        Clock.Advance(TimeSpan.FromMinutes(6));
        await Receiver.UntilAsync(
            () => MembershipSql.ScalarAsync<long>(
                World.Database,
                $"SELECT count(*) FROM webhook_deliveries WHERE webhook_key = {hook} AND state = 1").GetAwaiter().GetResult() == 2000,
            "all");

        long Attempts() => MembershipSql.ScalarAsync<long>(
            World.Database, $"SELECT sum(attempts) FROM webhook_deliveries WHERE webhook_key = {hook}").GetAwaiter().GetResult();
    }

    [Fact]
    public async Task Run_Gone_DisablesTheWebhook()
    {
        Receiver.AnswerStatus(_ => HttpStatusCode.Gone);
        var hook = await World.WebhookAsync(Receiver.Url);
        var id = await World.QueueAsync(hook, 1, Start);
        Run();
        await Receiver.UntilAsync(
            () => !Webhook<bool>(hook, "enabled"), "disabled");
        Assert.Equal("The receiver answered 410: it wants no more messages.", Webhook<string>(hook, "disabled_reason"));
        var entry = JsonElement.Parse(await MembershipSql.ScalarAsync<string>(
            World.Database, $"SELECT entry FROM audit WHERE resource = 'webhooks/{Webhook<string>(hook, "id")}'"));
        Assert.Equal(
            ("webhooks.disable", "system", "service"),
            (entry.GetProperty("action").GetString(), entry.GetProperty("actor").GetProperty("kind").GetString(),
                entry.GetProperty("actor").GetProperty("id").GetString()));
        Assert.Equal(
            """
            [{"op":"add","path":"/disabledReason","value":"The receiver answered 410: it wants no more messages."},
             {"op":"replace","path":"/enabled","value":false}]
            """.ReplaceLineEndings("").Replace(" {", "{", StringComparison.Ordinal), entry.GetProperty("after").GetRawText());
        Clock.Advance(TimeSpan.FromHours(1));
        await PolledAsync();
        Assert.Single(Receiver.All);
        Assert.Equal(DeliveryState.Pending, World.Delivery(hook, id).State);

        // After a day it is a dead letter.
        Clock.Advance(TimeSpan.FromHours(24));
        await DoneAsync(hook, id, DeliveryState.Dead);
    }

    [Fact]
    public async Task Run_Redirect_IsNotFollowedAndSlowAnswersAreCutOff()
    {
        Receiver.Answer = async (context, received) =>
        {
            if (received.Customer == "c-1")
            {
                context.Response.Redirect(Receiver.Url, permanent: true, preserveMethod: true);
            }
            else
            {
                await Task.Delay(TimeSpan.FromSeconds(10), context.RequestAborted);
            }
        };
        var hook = await World.WebhookAsync(Receiver.Url);
        var (moved, slow) = (await World.QueueAsync(hook, 1, Start), await World.QueueAsync(hook, 2, Start));
        Run();
        await Receiver.UntilAsync(() => World.Delivery(hook, moved).Attempts == 1 && World.Delivery(hook, slow).Attempts == 1, "both");
        Assert.Equal((308, "It answered 308."), (World.Delivery(hook, moved).LastStatus, World.Delivery(hook, moved).LastError));
        Assert.Equal(
            (null, "There was no answer within 2 s."), (World.Delivery(hook, slow).LastStatus, World.Delivery(hook, slow).LastError));
        Assert.Equal(2, Receiver.All.Count);
    }

    [Fact]
    public async Task Run_EndlessAnswer_IsDeliveredWithoutBeingRead()
    {
        Receiver.Answer = async (context, _) =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(new byte[8192], context.RequestAborted);
            }
        };
        var hook = await World.WebhookAsync(Receiver.Url);
        var id = await World.QueueAsync(hook, 1, Start);
        Run();
        await DoneAsync(hook, id, DeliveryState.Delivered);
    }

    [Fact]
    public async Task Run_PrivateAddress_IsRefusedAtTheConnection()
    {
        Options.AllowPrivateAddresses = false;
        var byName = await World.WebhookAsync(Receiver.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        var byAddress = await World.WebhookAsync(Receiver.Url);
        var ids = (await World.QueueAsync(byName, 1, Start), await World.QueueAsync(byAddress, 1, Start));
        Run();
        await Receiver.UntilAsync(
            () => World.Delivery(byName, ids.Item1).Attempts == 1 && World.Delivery(byAddress, ids.Item2).Attempts == 1, "both");
        Assert.Contains("private", World.Delivery(byName, ids.Item1).LastError, StringComparison.Ordinal);
        Assert.Contains("private", World.Delivery(byAddress, ids.Item2).LastError, StringComparison.Ordinal);
        Assert.Empty(Receiver.All);
    }

    [Fact]
    public async Task Run_Http_IsRefusedUnlessAllowed()
    {
        Options.AllowHttp = false;
        var hook = await World.WebhookAsync(Receiver.Url);
        var id = await World.QueueAsync(hook, 1, Start);
        Run();
        await Receiver.UntilAsync(() => World.Delivery(hook, id).Attempts == 1, "an attempt");
        Assert.Contains("Webhooks:AllowHttp", World.Delivery(hook, id).LastError, StringComparison.Ordinal);
        Assert.Empty(Receiver.All);
    }

    [Fact]
    public async Task Run_NothingAcceptedForThreeDays_IsDisabledWithAReason()
    {
        Receiver.AnswerStatus(_ => HttpStatusCode.InternalServerError);
        var hook = await World.WebhookAsync(Receiver.Url);
        Run();
        await FailAsync(1);
        Clock.Advance(TimeSpan.FromDays(2.9));
        Assert.Equal(Start, await FailAsync(2));
        Assert.True(Webhook<bool>(hook, "enabled"));

        // One success, and the days are counted anew.
        Receiver.AnswerStatus(_ => HttpStatusCode.OK);
        await DoneAsync(hook, await World.QueueAsync(hook, 3, Clock.GetUtcNow()), DeliveryState.Delivered);
        await Receiver.UntilAsync(() => Webhook<bool>(hook, "failing_since IS NULL"), "a success");
        Receiver.AnswerStatus(_ => HttpStatusCode.InternalServerError);
        Clock.Advance(TimeSpan.FromDays(0.2));
        var since = await FailAsync(4);
        Assert.InRange(since, Start.AddDays(3.1), Clock.GetUtcNow());
        Assert.True(Webhook<bool>(hook, "enabled"));
        Clock.Advance(TimeSpan.FromDays(3));
        await FailAsync(5);
        await Receiver.UntilAsync(() => !Webhook<bool>(hook, "enabled"), "disabled");
        Assert.Equal("No message was accepted for 3 days.", Webhook<string>(hook, "disabled_reason"));
        Assert.Equal(2, Webhook<int>(hook, "version"));

        async Task<DateTimeOffset> FailAsync(int customer)
        {
            // What failed before is not tried again: only this one counts.
            await MembershipSql.RunAsync(World.Database, $"DELETE FROM webhook_deliveries WHERE webhook_key = {hook}");
            var id = await World.QueueAsync(hook, customer, Clock.GetUtcNow());
            await Receiver.UntilAsync(
                () => World.Delivery(hook, id).Attempts == 1 && Webhook<bool>(hook, "failing_since IS NOT NULL"), "a failure");
            return new DateTimeOffset(Webhook<DateTime>(hook, "failing_since"));
        }
    }

    [Fact]
    public async Task Run_SeventeenReceiversThatDoNotAnswer_DelayNobodyElse()
    {
        // By age they would have all slots: 17 of 16 each are more than there are.
        const int Slow = 17;
        Options.TimeoutSeconds = 120;
        using var end = new CancellationTokenSource();
        Receiver.Answer = (_, _) => Task.Delay(Timeout.Infinite, end.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        for (var i = 0; i < Slow; i++)
        {
            await QueueManyAsync(await World.WebhookAsync(Receiver.Url), 40);
        }

        Run();
        await Receiver.UntilAsync(() => Receiver.All.Count == Slow + DeliverySlots.Shared, "every slot that they may have");
        var healthy = await World.WebhookAsync(Other.Url);
        await QueueManyAsync(healthy, 30);
        await Receiver.UntilAsync(
            () => MembershipSql.ScalarAsync<long>(
                World.Database,
                $"SELECT count(*) FROM webhook_deliveries WHERE webhook_key = {healthy} AND state = 1").GetAwaiter().GetResult() == 30,
            "the healthy one's");
        Assert.Equal(Slow + DeliverySlots.Shared, Receiver.All.Count);
        await end.CancelAsync();
    }
}
