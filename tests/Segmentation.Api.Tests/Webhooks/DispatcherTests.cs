using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>A dispatcher by a clock of the test's own, and two receivers.</summary>
public abstract class DispatcherTests(WebhookWorld world) : IClassFixture<WebhookWorld>, IAsyncLifetime
{
    private protected static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly CancellationTokenSource leading = new();
    private WebhookSender sender = null!;
    private Task running = Task.CompletedTask;

    private protected WebhookWorld World => world;

    private protected FakeTimeProvider Clock { get; } = new(Start);

    private protected WebhookOptions Options { get; } = new() { AllowHttp = true, AllowPrivateAddresses = true, TimeoutSeconds = 2 };

    private protected Receiver Receiver { get; private set; } = null!;

    private protected Receiver Other { get; private set; } = null!;

    private protected WebhookDispatcher Dispatcher { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Receiver = await Receiver.StartAsync();
        Other = await Receiver.StartAsync();
        var secrets = WebhookSignatureTests.Plain;
        sender = new WebhookSender(Options, secrets, Clock);
        var marks = new CustomerMarks(
            world.Database, SecretBox.Read(new ConfigurationBuilder().Build()), NullLogger<CustomerMarks>.Instance);
        var log = new AuditLog(world.Database, marks, new HttpContextAccessor(), Clock);
        var queue = new WebhookQueue(world.Database, secrets, log, Clock, NullLogger<WebhookQueue>.Instance);
        var retention = new WebhookRetention(world.Database, Options, Clock);
        Dispatcher = new WebhookDispatcher(
            queue, retention, sender, new DeliverySlots(), Options, Clock, NullLogger<WebhookDispatcher>.Instance);
    }

    public async Task DisposeAsync()
    {
        await leading.CancelAsync();
        await running;
        await MembershipSql.RunAsync(world.Database, "DELETE FROM webhooks; DELETE FROM webhook_deliveries");
        await Receiver.DisposeAsync();
        await Other.DisposeAsync();
        sender.Dispose();
        leading.Dispose();
    }

    private protected void Run() => running = Dispatcher.RunAsync(leading.Token);

    // Whatever is due has been looked for, twice: messages to another webhook that were queued after it have been sent.
    private protected async Task PolledAsync()
    {
        var hook = await world.WebhookAsync(Other.Url);
        for (var poll = 0; poll < 2; poll++)
        {
            await DoneAsync(hook, await world.QueueAsync(hook, 1, Clock.GetUtcNow()), DeliveryState.Delivered);
        }
    }

    private protected Task DoneAsync(int hook, long id, DeliveryState state) =>
        Receiver.UntilAsync(() => world.Delivery(hook, id).State == state, $"{state}");

    /// <summary>Queues a message each of so many customers.</summary>
    private protected Task QueueManyAsync(int webhook, int count) => MembershipSql.RunAsync(world.Database, $"""
        INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
          joined, cause, at, queued_at, next_attempt_at, message_id, state, attempts)
        SELECT {webhook}, n, 'c-' || n, 'vip', 'VIP', 1, true, 2, '{Start:O}', '{Start:O}', '{Start:O}',
          gen_random_uuid(), 0, 0 FROM generate_series(1, {count}) n
        """);

    private protected T Webhook<T>(int webhook, string column) => MembershipSql.ScalarAsync<T>(
        world.Database, $"SELECT {column} FROM webhooks WHERE key = {webhook}").GetAwaiter().GetResult();
}
