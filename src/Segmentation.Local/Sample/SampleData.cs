using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using Segmentation.Api.Analyses;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Memberships;
using Segmentation.Api.Predictions;
using Segmentation.Api.Privacy;
using Segmentation.Api.Segments;
using Segmentation.Api.Webhooks;
using Segmentation.Rules.Values;

namespace Segmentation.Local;

/// <summary>
/// Loads the built-in sample (<c>./run --sample</c>): customers, their events, attributes and segments, and who has been in these since the
/// events began; all or nothing.
/// </summary>
internal sealed partial class SampleData(
    SegmentationDb db, OwnerConnection owner, DefinitionCache definitions, RevenueOptions revenue, FeedbackOptions feedback,
    ModelStore models, FitAnalysis fits, TimeProvider clock, ILogger<SampleData> logger)
{
    public const ulong Seed = 2026;
    public const int Customers = 5_000;
    public const int Events = 200_000;

    // Events between two words about how far it is.
    private const int Step = 40_000;

    /// <summary>Loads the sample, unless it or something under its names is there already; touches nothing else.</summary>
    /// <param name="say">Told how far it is.</param>
    /// <returns>Whether it loaded anything; the log says why not.</returns>
    public async Task<bool> LoadAsync(CancellationToken cancellation = default, Action<string>? say = null)
    {
        say ??= _ => { };
        var started = Stopwatch.GetTimestamp();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);

        // Before anybody is served; the past is worked out in between, which takes a while on a slow machine.
        await db.Database.ExecuteSqlRawAsync(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0", cancellation);

        // Two services that start together must not both load.
        await DefinitionCache.LockAsync(db, cancellation);
        var keys = ExampleSegments.All.Select(s => s.Key).ToArray();
        string[] taken = [.. keys, .. ExampleSegments.OfScores.Select(s => s.Key), SwaggerExamples.Manual];
        if (await db.Segments.AnyAsync(s => taken.Contains(s.Key), cancellation))
        {
            say("Sample: it is there already");
            return false;
        }

        var now = LocalTime.Truncate(clock.GetUtcNow());
        var attributes = SampleAttributes.Define(now);
        var names = attributes.Select(a => a.Name).ToArray();
        var present = await db.Attributes.AsNoTracking().Where(a => names.Contains(a.Name)).ToDictionaryAsync(
            a => a.Name, a => a.Type, cancellation);
        if (attributes.FirstOrDefault(a => present.GetValueOrDefault(a.Name, a.Type) != a.Type) is { } other)
        {
            LogAttributeTaken(other.Name, present[other.Name], other.Type);
            return false;
        }

        if (await db.Customers.AnyAsync(c => c.Id.StartsWith(SampleGenerator.IdPrefix), cancellation))
        {
            LogCustomersTaken(SampleGenerator.IdPrefix);
            return false;
        }

        // Where there is a past, the segments are as old as it is.
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        var sampled = new SampleGenerator(Seed, Customers, Events, now, revenue);
        var hasPast = await PastMembership.IsPossibleAsync(connection, cancellation);
        db.Attributes.AddRange(attributes.Where(a => !present.ContainsKey(a.Name)));
        if (!await db.Metrics.AnyAsync(m => m.Key == SwaggerExamples.Metric, cancellation))
        {
            db.Metrics.Add(SampleMetric(now));
        }

        await SampleExperiments.AddAsync(db, now, cancellation);
        foreach (var sample in ExampleSegments.All)
        {
            await AddAsync(sample, hasPast ? sampled.Start : now, cancellation);
        }

        foreach (var sample in ExampleSegments.OfScores)
        {
            await AddAsync(sample, now, cancellation);
        }

        if (!await db.Imports.AnyAsync(i => i.Id == SwaggerExamples.Import, cancellation))
        {
            db.Imports.Add(SampleImport.Create(now));
            db.ImportRejections.Add(SampleImport.Reject());
        }

        if (!await db.Erasures.AnyAsync(e => e.Receipt == SwaggerExamples.Receipt, cancellation))
        {
            db.Erasures.Add(SampleErasure.Create(now));
        }

        // It runs once the service does.
        if (!await db.Analyses.AnyAsync(a => a.Id == SwaggerExamples.Analysis, cancellation))
        {
            db.Analyses.Add(SampleAnalysis.Create(now));
        }

        if (!await db.Webhooks.AnyAsync(w => w.Id == SwaggerExamples.Webhook, cancellation))
        {
            var webhook = db.Webhooks.Add(SampleWebhook.Webhook(now)).Entity;
            await db.SaveChangesAsync(cancellation);
            db.WebhookDeliveries.Add(SampleWebhook.DeadLetter(webhook.Key, now));
            await db.SaveChangesAsync(cancellation);
        }

        var stored = await CopyAsync(connection, db.Model, sampled, cancellation, say);
        if (hasPast)
        {
            say("Sample: the past of its segments…");
            await AddPastAsync(connection, sampled, stored, now, keys, cancellation);
        }
        else
        {
            LogWithoutPast();
        }

        await AddManualAsync(now, cancellation);
        await SamplePlaybooks.AddAsync(db, now, cancellation);
        await SampleExposures.AddAsync(db, now, cancellation);
        foreach (var at in new[] { now.AddDays(-270), now.AddDays(-180), now.AddDays(-90), now })
        {
            if (await new RfmCounts(db, revenue).FindAsync(at, at < now ? at : null, cancellation) is { } thresholds)
            {
                db.Add(thresholds);
                await db.SaveChangesAsync(cancellation);
            }
        }

        await new SampleModel(db, models, fits).AddAsync(now, cancellation);

        // Segments that were active before may have some of these; and all are scored once the service runs.
        db.Add(new UnscoredCustomers { Keys = stored });
        ChangeLog.AppendEveryone(db, MembershipCause.Import);
        await db.SaveChangesAsync(cancellation);

        await transaction.CommitAsync(cancellation);

        // The planner would otherwise know nothing of the new rows until autovacuum comes by.
        await using (var analyzing = owner.CreateDb())
        {
            await analyzing.Database.ExecuteSqlAsync($"ANALYZE customers, events", cancellation);
        }

        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        say(string.Create(
            CultureInfo.InvariantCulture,
            $"Sample: {Customers:N0} customers, {Events:N0} events and {taken.Length} segments in {seconds:0.0} s"));
        return true;
    }

    /// <summary>Copies a generator's customers and events into the tables, in constant memory (8 bytes a customer).</summary>
    /// <returns>The customers' keys, by index.</returns>
    internal static async Task<long[]> CopyAsync(
        NpgsqlConnection connection,
        IModel model,
        SampleGenerator sample,
        CancellationToken cancellation,
        Action<string>? say = null)
    {
        await BulkTable<Customer>.For(model).CopyAsync(connection, sample.Customers(), cancellation);

        // As if their profiles had been sent.
        await using (var consents = new NpgsqlCommand(
            $"""
            INSERT INTO purposes (name, basis, created_at, updated_at)
            SELECT DISTINCT e.key, {(short)PurposeBasis.Consent}, now(), now()
            FROM customers c CROSS JOIN LATERAL jsonb_object_keys(c.consents) AS e (key) ON CONFLICT DO NOTHING;
            {ConsentLog.AppendSql("customers", $"'{ConsentRecord.Profile}'")}
            """, connection))
        {
            consents.CommandTimeout = 0;
            await consents.ExecuteNonQueryAsync(cancellation);
        }

        var keys = new long[sample.CustomerCount];
        await using (var command = new NpgsqlCommand("SELECT key, id FROM customers WHERE starts_with(id, $1)", connection)
        {
            Parameters = { new() { Value = SampleGenerator.IdPrefix } }
        })
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            while (await reader.ReadAsync(cancellation))
            {
                keys[SampleGenerator.Index(reader.GetString(1))] = reader.GetInt64(0);
            }
        }

        IEnumerable<CustomerEvent> AllEvents()
        {
            var count = 0;
            for (var index = 0; index < keys.Length; index++)
            {
                foreach (var e in sample.Events(index))
                {
                    e.CustomerKey = keys[index];
                    if (++count % Step == 0)
                    {
                        say?.Invoke(string.Create(CultureInfo.InvariantCulture, $"Sample: {count:N0} of {sample.EventCount:N0} events"));
                    }

                    yield return e;
                }
            }
        }

        await BulkTable<CustomerEvent>.For(model).CopyAsync(connection, AllEvents(), cancellation);
        return keys;
    }

    private async Task AddPastAsync(
        NpgsqlConnection connection, SampleGenerator sample, long[] keys, DateTimeOffset until, string[] segments,
        CancellationToken cancellation)
    {
        var all = await definitions.GetAsync(db, cancellation);
        var plan = new MembershipPlan(all, revenue, feedback, previous: null);
        List<SegmentPlan> samples = [.. segments.Select(k => plan.ById[all.Segments[k].Id])];
        var customers = keys.Select((key, index) =>
        {
            var customer = sample.Customer(index);
            customer.Key = key;
            foreach (var e in sample.Events(index))
            {
                (e.CustomerKey, e.Customer) = (key, customer);
                customer.Events.Add(e);
            }

            return customer;
        });
        var moves = new SamplePast(plan, customers, revenue, sample.Start, until).Find(samples);
        await PastMembership.WriteAsync(connection, db.Model, samples, moves, until, cancellation);
    }

    private Task AddAsync(ExampleSegment sample, DateTimeOffset now, CancellationToken cancellation) => AddAsync(new Segment
    {
        Key = sample.Key,
        Name = sample.Name,
        Description = sample.Description,
        Goal = sample.Goal,
        GoalMetric = sample.GoalMetric,
        Kind = SegmentKind.Rule,
        Rule = sample.RuleTree,
        TimeZone = sample.TimeZone,
        Tags = [sample.Kind],
        Status = SegmentStatus.Active,
        Version = 1,
        CreatedAt = now,
        UpdatedAt = now,
    }, now, cancellation);

    private static Metric SampleMetric(DateTimeOffset now)
    {
        var sent = JsonSerializer.Deserialize<MetricResource>(SwaggerExamples.MetricDefinition, Json.Options)!;
        var kept = sent.Normalize(SwaggerExamples.Metric, sent.Event, null);
        return new Metric
        {
            Key = SwaggerExamples.Metric,
            Definition = JsonSerializer.SerializeToElement(kept, Json.Options),
            CreatedAt = now,
            UpdatedAt = now,
        };
    }

    // A segment whose members are chosen by hand: the first customers.
    private async Task AddManualAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var segment = new Segment
        {
            Key = SwaggerExamples.Manual,
            Name = "Product testers",
            Description = "Volunteered to try what is not on sale yet.",
            Goal = "Send them new products for their opinion.",
            Kind = SegmentKind.Manual,
            TimeZone = "Europe/Berlin",
            Tags = ["panel"],
            Status = SegmentStatus.Active,
            Version = 1,
            CreatedAt = now,
            UpdatedAt = now,
        };
        await AddAsync(segment, now, cancellation);
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO manual_members (segment_id, customer_key, added_at)
            SELECT {segment.Id}, key, {now} FROM customers WHERE starts_with(id, {SampleGenerator.IdPrefix}) ORDER BY id LIMIT 25
            """, cancellation);
    }

    private async Task AddAsync(Segment segment, DateTimeOffset now, CancellationToken cancellation)
    {
        db.Segments.Add(segment);

        // Its number is what the version refers to.
        await db.SaveChangesAsync(cancellation);
        db.SegmentVersions.Add(new SegmentVersion
        {
            SegmentId = segment.Id,
            Version = 1,
            Definition = JsonSerializer.SerializeToElement(SegmentResource.Definition(segment), Json.Options),
            ChangedAt = now,
            ChangedBy = "sample",
        });
        await db.SaveChangesAsync(cancellation);
    }

    [LoggerMessage(LogLevel.Warning, "The sample was not loaded: the attribute {Name} is registered as {Type}, the sample needs {Needed}.")]
    private partial void LogAttributeTaken(string name, string type, string needed);

    [LoggerMessage(LogLevel.Warning, "The sample was not loaded: there are customers already whose ids begin with {Prefix}.")]
    private partial void LogCustomersTaken(string prefix);

    [LoggerMessage(LogLevel.Information, "Other segments have members already: those of the sample begin now, without a past.")]
    private partial void LogWithoutPast();
}
