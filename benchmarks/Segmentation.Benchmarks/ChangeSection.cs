using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>One customer in a hundred changed, until stored membership has followed, against building all of it.</summary>
internal static class ChangeSection
{
    private const string EventPrefix = "bench-change-";
    private const int Refreshed = 5;
    private static readonly string[] Types = ["page_viewed", "product_viewed", "cart_added", "order_completed", "order_refunded",
        "email_opened", "app_opened"];

    public static async Task<string> RunAsync(World world)
    {
        var built = await StoredSegments.EnsureAsync(world);
        var random = new Random(47);
        string[] ids = [.. Enumerable.Range(0, world.Options.Customers).OrderBy(_ => random.Next()).Take(world.Options.Customers / 100)
            .Select(SampleGenerator.Id)];
        var (keys, original, changed) = await ProfilesAsync(world, ids);
        await using var connection = await world.Plain.OpenConnectionAsync();
        var rounds = Math.Max(2, Math.Min(world.Options.Repeat, 5));
        Measured profiles = new(), events = new();
        using var memory = new MemoryWatch(world.Api);
        string drift;
        await IngestSection.SaveCountersAsync(connection, keys);
        var restored = true;
        try
        {
            // To and fro: each round changes what the one before left.
            for (var round = 0; round < rounds; round++)
            {
                restored = !restored;
                await RoundAsync("import", profiles, "customers/import", restored ? original : changed);
                var number = round;
                var body = new MemoryStream();
                foreach (var id in ids)
                {
                    body.Write(Encoding.UTF8.GetBytes(string.Create(
                        CultureInfo.InvariantCulture,
                        $$"""{"id":"{{EventPrefix}}{{number}}","customerId":"{{id}}","type":"{{Types[random.Next(Types.Length)]}}","""
                            + $$""" "amount":{{random.Next(1, 400)}},"currency":"EUR"}""")));
                    body.WriteByte((byte)'\n');
                }

                await RoundAsync("events", events, "events", body.ToArray());
            }

            drift = await DriftAsync(world, random);
        }
        finally
        {
            if (!restored)
            {
                await world.Api.PostAsync("customers/import", Ndjson(original));
            }

            await using (var delete = new Npgsql.NpgsqlCommand(
                $"DELETE FROM events WHERE customer_key = ANY ($1) AND id LIKE '{EventPrefix}%'", connection)
            {
                CommandTimeout = 0
            })
            {
                delete.Parameters.AddWithValue(keys);
                await delete.ExecuteNonQueryAsync();
            }

            await IngestSection.RestoreCountersAsync(connection);
        }

        async Task RoundAsync(string what, Measured measured, string path, byte[] body)
        {
            var (written, revision) = (
                await BuildSection.WrittenAsync(world),
                await world.ScalarAsync("SELECT coalesce(max(id), 0) FROM membership_batches"));
            var answered = await Measure.TimeAsync(() => world.Api.PostAsync(path, Ndjson(body)));
            var since = DateTime.UtcNow;
            var idle = 0d;
            var settled = await Measure.TimeAsync(async () =>
            {
                idle = await Measure.TimeAsync(() => StoredSegments.UntilAsync("all are looked at", 5, async () =>
                    (await world.ScalarAsync("SELECT count(*) FROM membership_work") is var rows && rows == 0, $"{rows} rows of work")));
                await StoredSegments.SettledAsync(world, since);
            });
            var changes = await world.ScalarAsync(
                $"SELECT coalesce(sum(joined + \"left\"), 0) FROM membership_batches WHERE id > {revision}");
            written = await BuildSection.WrittenAsync(world) - written;
            measured.Answered.Add(answered);
            measured.Idle.Add(idle);
            measured.Settled.Add(settled);
            measured.Changes.Add(changes);
            measured.Written += written;
            World.Log($"{what}: answered in {answered:0} ms, evaluated after {idle:0} ms more, watermark after {settled:0} ms; {changes} "
                + $"changes, {written} rows");
        }

        (string Name, string What, Measured Measured)[] both =
        [
            ("changeProfiles", "profiles imported again, income and children changed", profiles),
            ("changeEvents", "an event each, of seven types", events)
        ];
        var table = new StringBuilder();
        foreach (var (name, what, m) in both)
        {
            var (evaluated, published) = (new Times(m.Idle), new Times(m.Settled));
            world.Figures[name] = evaluated.Median;
            table.AppendLine(CultureInfo.InvariantCulture,
                $"| {Text.Number(ids.Length)} {what} | {BuildSection.Seconds(new Times(m.Answered))} | {BuildSection.Seconds(evaluated)} | "
                    + $"{published.Median / 1000:0.00} | {evaluated.Median / built.Ms:0.0000} | {Text.Number(m.Changes.Average())} | "
                    + $"{Text.Ratio(m.Written / m.Changes.Sum())} | {world.Exponent(name)} |");
        }

        world.Figures["fullBuild"] = built.Ms;
        return $"""
            {built.Text}; building them all took {built.Ms / 1000:0.0} s ({Text.Ms(built.Ms / built.Segments)} ms a segment; exponent \
            {world.Exponent("fullBuild")}).
            Building grows with the number of segments, and evaluating a customer by less, since it is loaded once for all of them: with \
            fewer segments the ratio below is the worse.
            One customer in a hundred is changed, in {rounds} rounds. From the answer on: until the last of them is evaluated and written, \
            and until `evaluatedAt` says so, which moves once a second.

            | changed | answered, s: median (least–most) | evaluated, s | shown, s | against building all (aim 0.02) | joined and left \
            | rows written for each (aim 1.00) | exponent |
            | --- | --: | --: | --: | --: | --: | --: | --: |
            {table.ToString().TrimEnd()}

            {drift} The API's resident memory: {Text.Number(built.Most)} MB at most while building, {Text.Number(memory.Most)} MB while \
            changing (aim 400).
            """;
    }

    // Stored membership against an evaluation of all customers.
    private static async Task<string> DriftAsync(World world, Random random)
    {
        string[] keys = [.. Enumerable.Range(0, world.Options.Segments).OrderBy(_ => random.Next()).Take(Refreshed)
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"bench-kept-{i:0000}"))];
        var drift = 0;
        foreach (var key in keys)
        {
            var requested = DateTimeOffset.UtcNow;
            await world.Api.PostAsync($"segments/{key}/refresh", ApiProcess.Json("{}"));
            await StoredSegments.UntilAsync($"{key} is refreshed", 20, async () =>
            {
                var state = JsonElement.Parse(await world.Api.GetAsync($"segments/{key}/refresh"));
                var done = state.TryGetProperty("finishedAt", out var at)
                    && at.ValueKind == JsonValueKind.String
                    && at.GetDateTimeOffset() > requested;
                drift += done && state.TryGetProperty("drift", out var d)
                    ? d.GetProperty("joined").GetInt32() + d.GetProperty("left").GetInt32()
                    : 0;
                return (done, state.GetRawText());
            });
        }

        world.CheckSame(drift, 0, "drift");
        return $"{keys.Length} of the segments refreshed afterwards: no drift.";
    }

    private static async Task<(long[] Keys, byte[] Original, byte[] Changed)> ProfilesAsync(World world, string[] ids)
    {
        await using var app = InProcess.Start(world.ConnectionString);
        return await app.CallAsync(async (SegmentationDb db) =>
        {
            var customers = await db.Customers.AsNoTracking().Where(c => ids.Contains(c.Id)).ToListAsync();
            var original = Lines(customers);
            foreach (var customer in customers)
            {
                customer.Demographic.Income = (customer.Demographic.Income ?? 30_000) + 5_000;
                customer.Demographic.Children = ((customer.Demographic.Children ?? 0) + 1) % 6;
            }

            return (customers.Select(c => c.Key).ToArray(), original, Lines(customers));
        });

        static byte[] Lines(List<Customer> customers)
        {
            var body = new MemoryStream(customers.Count * 900);
            foreach (var customer in customers)
            {
                JsonSerializer.Serialize(
                    body, CustomerResource.From(customer, DateTimeOffset.UtcNow, RfmThresholds.None, SensitiveFields.None), Json.Options);
                body.WriteByte((byte)'\n');
            }

            return body.ToArray();
        }
    }

    private static ByteArrayContent Ndjson(byte[] body) =>
        new(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-ndjson") } };

    private sealed class Measured
    {
        public List<double> Answered { get; } = [];
        public List<double> Idle { get; } = [];
        public List<double> Settled { get; } = [];
        public List<double> Changes { get; } = [];
        public double Written { get; set; }
    }
}
