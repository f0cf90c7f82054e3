using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>Customers a second through <c>POST /customers/import</c>, and the memory that it takes.</summary>
internal static class ImportSection
{
    private const int Customers = 50_000;
    private const int LongLines = 1_000_000;

    public static async Task<string> RunAsync(World world)
    {
        var ndjson = Lines();
        await using var connection = await world.Plain.OpenConnectionAsync();
        await DeleteAsync(connection);
        var idle = world.Api.Resident();
        var (_, most) = await ImportAsync(world, new ByteArrayContent(ndjson), "application/x-ndjson", Customers, created: true);
        var csv = await CsvAsync(world);
        World.Log($"NDJSON {ndjson.Length / 1e6:0} MB, CSV {csv.Length / 1e6:0} MB");
        await DeleteAsync(connection);

        string[] names = ["NDJSON, new customers", "NDJSON, the same again", "CSV, new customers", "CSV, the same again"];
        var rates = names.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round < world.Options.Repeat; round++)
        {
            foreach (var format in round % 2 == 0 ? new[] { 0, 2 } : [2, 0])
            {
                foreach (var again in new[] { 0, 1 })
                {
                    var (rate, memory) = await ImportAsync(
                        world, new ByteArrayContent(format == 0 ? ndjson : csv), format == 0 ? "application/x-ndjson" : "text/csv",
                        Customers, created: again == 0);
                    rates[format + again].Add(rate);
                    most = Math.Max(most, memory);
                }

                await DeleteAsync(connection);
            }

            World.Log($"round {round}: {string.Join(", ", rates.Select(r => Text.Number(r[^1])))} customers/s, {most:0} MB");
        }

        var (longRate, longMost) = await ImportAsync(
            world, new StreamContent(new RepeatedStream(ndjson, LongLines / Customers)), "application/x-ndjson", LongLines, created: null);
        World.Log($"a million lines: {Text.Number(longRate)} lines/s, {longMost:0} MB");
        await DeleteAsync(connection);
        await Loader.ExecuteAsync(connection, "VACUUM (ANALYZE) customers");
        var table = new StringBuilder("| import | customers a second: median (least–most) |\n| --- | --: |\n");
        foreach (var (name, times) in names.Zip(rates, (n, r) => (n, new Times(r))))
        {
            table.AppendLine($"| {name} | {Text.Number(times.Median)} ({Text.Number(times.Min)}–{Text.Number(times.Max)}) |");
        }

        return $"""
            {Text.Number(Customers)} whole profiles (about {ndjson.Length / Customers} bytes of NDJSON, {csv.Length / Customers} of CSV \
            each) into the table of {Text.Number(world.Options.Customers)}; aim 50,000 a second.

            {table}
            Resident memory of the API: {Text.Number(idle)} MB before, {Text.Number(most)} MB at most in these runs, \
            {Text.Number(longMost)} MB at most while one request brought {Text.Number(LongLines)} lines \
            ({ndjson.Length / 1e6 * (LongLines / Customers):0} MB of NDJSON, {Text.Number(longRate)} a second). Aim: below 300 MB.
            """;
    }

    private static byte[] Lines()
    {
        var now = DateTimeOffset.UtcNow;
        var generator = new SampleGenerator(Loader.Seed + 1, Customers, 0, now);
        var body = new MemoryStream(Customers * 900);
        foreach (var customer in generator.Customers())
        {
            customer.Id = "import-" + customer.Id;
            JsonSerializer.Serialize(body, CustomerResource.From(customer, now, RfmThresholds.None, SensitiveFields.None), Json.Options);
            body.WriteByte((byte)'\n');
        }

        return body.ToArray();
    }

    private static async Task<byte[]> CsvAsync(World world)
    {
        await world.Api.PutSegmentAsync(
            "bench-imported", """{"combinator":"and","rules":[{"field":"customer.id","operator":"beginsWith","value":"import-"}]}""");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("segments/bench-imported/members", UriKind.Relative))
        {
            Headers = { Accept = { new("text/csv") } }
        };
        using var response = await world.Api.Http.SendAsync(request);
        var csv = await response.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
        using var deleted = await world.Api.Http.DeleteAsync(new Uri("segments/bench-imported", UriKind.Relative));
        return csv;
    }

    private static async Task<(double Rate, double Most)> ImportAsync(
        World world, HttpContent content, string type, int lines, bool? created)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        JsonElement answer = default;
        using var memory = new MemoryWatch(world.Api);
        var ms = await Measure.TimeAsync(async () => answer = await world.Api.PostAsync("customers/import", content));
        world.CheckSame(answer.GetProperty("received").GetInt64() - answer.GetProperty("rejected").GetInt64(), lines, "lines taken");
        if (created is { } fresh)
        {
            world.CheckSame(answer.GetProperty("created").GetInt64(), fresh ? lines : 0, "customers created");
        }

        return (lines / ms * 1000, memory.Most);
    }

    private static Task DeleteAsync(NpgsqlConnection connection) =>
        Loader.ExecuteAsync(connection, "DELETE FROM customers WHERE id >= 'import-' AND id < 'import.'");

    /// <summary>The same bytes several times over.</summary>
    private sealed class RepeatedStream(byte[] bytes, int times) : Stream
    {
        private long position;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => position; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var at = (int)(position % bytes.Length);
            var some = (int)Math.Min(Math.Min(count, bytes.Length - at), ((long)bytes.Length * times) - position);
            Array.Copy(bytes, at, buffer, offset, some);
            position += some;
            return some;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
