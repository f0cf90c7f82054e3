using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>A database with the schema and nobody else in it: the tests write membership as its maintainer would.</summary>
public sealed class WebhookWorld : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private int made;

    internal NpgsqlDataSource Database { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        var connectionString = await databases.CreateDatabaseAsync();
        await using var db = new SegmentationDb(
            new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(connectionString).ConfigureWarnings(TestDatabase.ManyHosts).Options);
        await db.Database.MigrateAsync();
        Database = NpgsqlDataSource.Create(connectionString);
    }

    public async Task DisposeAsync()
    {
        await Database.DisposeAsync();
        await databases.DisposeAsync();
    }

    public Task<int> SegmentAsync(string? key = null) =>
        MembershipSql.SegmentAsync(Database, key ?? $"seg-{Interlocked.Increment(ref made)}");

    /// <returns>The webhook's database key.</returns>
    public async Task<int> WebhookAsync(
        string url, string segments = "{}", bool enabled = true, string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") =>
        await MembershipSql.ScalarAsync<int>(
            Database,
            $"""
            INSERT INTO webhooks (id, url, segments, secret, enabled, version, created_at, updated_at)
            VALUES ('{Guid.CreateVersion7()}', '{url}', '{segments}', '{secret}', {enabled}, 1, now(), now()) RETURNING key
            """);

    /// <summary>Queues a message by hand.</summary>
    public async Task<long> QueueAsync(int webhook, long customer, DateTimeOffset at, bool joined = true) =>
        await MembershipSql.ScalarAsync<long>(Database, $"""
            INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
              joined, cause, event_id, at, queued_at, next_attempt_at, message_id, state, attempts)
            VALUES ({webhook}, {customer}, 'c-{customer}', 'vip', 'VIP', 3, {joined}, 1, 'e-1', '{at:O}', '{at:O}', '{at:O}',
              gen_random_uuid(), 0, 0) RETURNING id
            """);

    internal WebhookDelivery Delivery(int webhook, long id)
    {
        using var db = Context();
        return db.WebhookDeliveries.AsNoTracking().Single(d => d.WebhookKey == webhook && d.Id == id);
    }

    internal SegmentationDb Context() =>
        new(new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(Database).ConfigureWarnings(TestDatabase.ManyHosts).Options);
}

/// <summary>Writes membership as its maintainer does.</summary>
internal static class MembershipSql
{
    public static async Task<T> ScalarAsync<T>(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public static async Task<int> RunAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>A segment that is not maintained: a draft.</summary>
    public static Task<int> SegmentAsync(NpgsqlDataSource database, string key) => ScalarAsync<int>(
        database,
        $$"""
        INSERT INTO segments (created_at, updated_at, version, time_zone, key, kind, name, status, tags)
        VALUES (now(), now(), 1, 'UTC', '{{key}}', 'Manual', 'Name of {{key}}', 'Draft', '{}') RETURNING id
        """);

    /// <returns>The first of the customers' keys, which follow each other; their ids are prefix-1, prefix-2, ….</returns>
    public static async Task<long> CustomersAsync(NpgsqlDataSource database, string prefix, int count)
    {
        await RunAsync(database, $$"""
            INSERT INTO customers (created_at, updated_at, event_count, order_count, version,
              lifetime_value, order_amount, consents_granted, id_folded, id,
              psychographic_attitudes_folded, psychographic_interests_folded, psychographic_motivations_folded, psychographic_values_folded,
              psychographic_attitudes, psychographic_interests, psychographic_motivations, psychographic_values)
            SELECT now(), now(), 0, 0, 1, 0, 0, '{}', '{{prefix}}-' || n, '{{prefix}}-' || n,
              '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}' FROM generate_series(1, {{count}}) n ORDER BY n
            """);
        return await ScalarAsync<long>(database, $"SELECT key FROM customers WHERE id = '{prefix}-1'");
    }

    /// <summary>One revision: the customers with these keys join, those leave.</summary>
    public static async Task<long> ChangeAsync(
        NpgsqlDataSource database,
        int segment,
        long[] join,
        long[] leave,
        DateTimeOffset? at = null,
        Func<NpgsqlConnection, NpgsqlTransaction, long, Task>? also = null)
    {
        await using var connection = await database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var insert = Command($"""
            INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
            VALUES ({segment}, '{at ?? DateTimeOffset.UtcNow:O}', 7, {join.Length}, {leave.Length}, 0) RETURNING id
            """);
        var revision = (long)(await insert.ExecuteScalarAsync())!;
        var left = Command($"""
            UPDATE memberships SET left_batch = {revision}, left_cause = 3
            WHERE segment_id = {segment} AND left_batch IS NULL AND customer_key = ANY ($1)
            """, leave);
        await left.ExecuteNonQueryAsync();
        var joined = Command($"""
            INSERT INTO memberships (customer_key, segment_id, joined_batch, joined_cause, joined_event)
            SELECT k, {segment}, {revision}, 1, 'e-' || k FROM unnest($1) k
            """, join);
        await joined.ExecuteNonQueryAsync();
        if (also is not null)
        {
            await also(connection, transaction, revision);
        }

        await transaction.CommitAsync();
        return revision;

        NpgsqlCommand Command(string sql, long[]? keys = null)
        {
            var command = new NpgsqlCommand(sql, connection, transaction);
            if (keys is not null)
            {
                command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = keys });
            }

            return command;
        }
    }
}

/// <summary>A request that a receiver received.</summary>
internal sealed record Received(string Id, string Timestamp, string Signature, string ContentType, string Body)
{
    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Body);

    public string Customer => Json.GetProperty("data").GetProperty("customerId").GetString()!;
}

/// <summary>A web server on the loopback address that webhooks lead to.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication app;

    private Receiver(WebApplication app) => this.app = app;

    public ConcurrentQueue<Received> All { get; } = new();

    /// <summary>Answers; 200 with nothing when left out.</summary>
    public Func<HttpContext, Received, Task> Answer { get; set; } = (_, _) => Task.CompletedTask;

    public string Url => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/hook";

    public static async Task<Receiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new Receiver(app);
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var headers = context.Request.Headers;
            var received = new Received(
                headers["webhook-id"]!,
                headers["webhook-timestamp"]!,
                headers["webhook-signature"]!,
                headers.ContentType!,
                await reader.ReadToEndAsync());
            receiver.All.Enqueue(received);
            await receiver.Answer(context, received);
        });
        await app.StartAsync();
        return receiver;
    }

    public void AnswerStatus(Func<Received, HttpStatusCode> status) => Answer = (context, received) =>
    {
        context.Response.StatusCode = (int)status(received);
        return Task.CompletedTask;
    };

    public async Task UntilAsync(Func<bool> condition, string what = "")
    {
        var limit = DateTime.UtcNow.AddMinutes(2);
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < limit, $"Not reached: {what} ({All.Count} received)");
            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }
}
