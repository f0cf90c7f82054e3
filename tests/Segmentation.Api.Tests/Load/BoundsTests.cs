using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Data;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Load;

/// <summary>What is bounded by its bytes or its number, at the bound and past it.</summary>
public sealed class BoundsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Ndjson = "application/x-ndjson";
    private static int made;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Events_ArrayOfManyMegabytes_IsStoredAsOne_EachRejectedAlone()
    {
        var id = NewId();
        var padding = new string('p', 1200);
        var items = Enumerable.Range(0, 10_000).Select(i => i switch
        {
            7 => "7",
            9_000 => $$"""{"customerId":"{{id}}-1","type":"\uD800"}""",
            9_500 => $$"""{"id":"e 1","customerId":"{{id}}-1","type":"order_completed"}""",
            _ => $$"""
                {"id":"e {{i}}","customerId":"{{id}}-{{i % 100}}","type":"order_completed","amount":1,"channel":"é{{padding[..50]}}",
                "properties":{"Note":"{{padding}}"} }
                """,
        });
        var bytes = Encoding.UTF8.GetBytes($"\uFEFF [{string.Join(',', items)}] ");
        bytes[bytes.AsSpan().IndexOf("é"u8)] = 0xFF; // The first event alone is not UTF-8.
        Assert.InRange(bytes.Length, 12_000_000, 16_000_000);
        var answer = (await Api.SendAsync("POST", "events", bytes, "application/json", [])).Expect(200).Json;
        Assert.Equal(
            (10_000, 9_996, 1, 3, 100),
            (Count("received"), Count("stored"), Count("duplicates"), Count("rejected"), Count("createdCustomers")));
        Assert.Equal([0, 7, 9_000], answer.GetProperty("errors").EnumerateArray().Select(e => e.GetProperty("index").GetInt32()));
        Assert.Equal(9_996L, await ScalarAsync($"SELECT sum(event_count) FROM customers WHERE id LIKE '{id}-%'"));

        int Count(string name) => answer.GetProperty(name).GetInt32();
    }

    [Theory]
    [InlineData("{\"customerId\":\"ID\",\"type\":\"x\"", "")]
    [InlineData("oops]", "")]
    [InlineData("0] 1", "")]
    [InlineData("LONG]", "/1200")]
    [InlineData("MANY]", "")]
    public async Task Events_ArrayWithAFaultAtItsEnd_StoresNothing(string end, string pointer)
    {
        var id = NewId();
        var e = $$$"""{"customerId":"{{{id}}}","type":"x","properties":{"note":"{{{new string('p', 1000)}}}"}}""";
        end = end.Replace("ID", id).Replace("LONG", $"\"{new string('x', 1_200_000)}\"")
            .Replace("MANY", string.Join(',', Enumerable.Repeat("0", 10_000)));
        var answer = (await Api.PostAsync("events", $"[{string.Join(',', Enumerable.Repeat(e, 1200))},{end}")).Expect(400);
        Assert.True(answer.Faults is [var at] && (at == pointer || pointer.Length == 0), answer.Body);
        (await Api.GetAsync($"customers/{id}")).Expect(404);
    }

    [Fact]
    public async Task Events_LongArrayPastWhatSumsHold_RefusesTheEventsThatDoIt()
    {
        var (id, other) = (NewId(), NewId());
        var padding = new string('p', 1000);
        var many = string.Join(',', Enumerable.Range(0, 1500).Select(
            i => $$$"""{"customerId":"{{{other}}}","type":"x","properties":{"note":"{{{padding}}}"}}"""));
        var big = $$"""{"customerId":"{{id}}","type":"order_completed","amount":600000000000000000}""";
        var answer = (await Api.PostAsync("events", $"[{big},{many},{big}]")).Expect(200);
        Assert.Equal((1502, 1501, 1), (answer["received"].GetInt32(), answer["stored"].GetInt32(), answer["rejected"].GetInt32()));
        Assert.Equal(1501, answer["errors"][0].GetProperty("index").GetInt32());
        var unknown = NewId();
        answer = (await Api.PostAsync("events?createCustomers=false", $"[{many.Replace(other, unknown)},{many}]")).Expect(200);
        Assert.Equal((1500, 1500), (answer["stored"].GetInt32(), answer["rejected"].GetInt32()));
        Assert.Equal(100, answer["errors"].GetArrayLength());
    }

    [Fact]
    public async Task Page_OfLargeCustomers_EndsEarlier_AndEachIsSeenOnce()
    {
        var mark = NewId();
        (await Api.PutAsync("attributes/pages", """{"type":"set","kind":"value"}""")).ToString();
        foreach (var n in Enumerable.Range(0, 10))
        {
            await Api.PutAsync($"attributes/pages{n}", """{"type":"set","kind":"value"}""");
        }

        string Set(string name) =>
            $"\"{name}\":[{string.Join(',', Enumerable.Range(0, 100).Select(i => $"\"{i:000}{new string('x', 240)}\""))}]";
        var large = string.Join(',', Enumerable.Range(0, 9).Select(n => Set($"pages{n}")));
        var lines = string.Join('\n', Enumerable.Range(0, 50).Select(i => $"{{\"id\":\"{mark}-{i:00}\",\"attributes\":{{{large}}}}}"));
        Assert.Equal(50, (await Api.SendAsync("POST", "customers/import", lines, Ndjson)).Expect(200)["created"].GetInt32());
        (await Api.PutAsync($"segments/{mark}", Body(All(Is("customer.id", "beginsWith", $"\"{mark}-\""))))).Expect(201);
        foreach (var path in new[] { $"customers?q={mark}-&limit=1000", $"segments/{mark}/members?limit=1000" })
        {
            var (ids, pages, cursor) = (new List<string>(), 0, "");
            do
            {
                var page = (await Api.GetAsync(path + (cursor.Length > 0 ? $"&cursor={cursor}" : ""))).Expect(200);
                Assert.InRange(Encoding.UTF8.GetByteCount(page.Body), 1, (8 * 1024 * 1024) + 1000);
                ids.AddRange(page["items"].EnumerateArray().Select(c => c.GetProperty("id").GetString()!));
                (pages, cursor) = (pages + 1, page["nextCursor"].GetString());
            }
            while (cursor is not null);
            Assert.Equal(2, pages);
            Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{mark}-{i:00}"), ids.Order(StringComparer.Ordinal));
        }

        // A file of them as well: pages of 8 MB.
        var export = (await Api.GetAsync($"segments/{mark}/members?format=ndjson")).Expect(200).Body;
        Assert.Equal(50, export.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

        // With one more attribute of that size a customer is larger than it may be, however it comes to it.
        var whole = $"{{\"attributes\":{{{large},{Set("pages9")},{Set("pages")}}}}}";
        foreach (var refused in new[]
        {
            await Api.PutAsync($"customers/{NewId()}", whole),
            await Api.PatchAsync($"customers/{mark}-00", whole),
            await Api.PatchAsync($"customers/{mark}-00", whole.Replace(large + ",", "")),
        })
        {
            Assert.Equal([""], refused.Expect(400).Faults);
            Assert.Contains("256 KiB", refused.Body);
        }

        foreach (var line in new[] { whole, whole.Replace(large + ",", "") })
        {
            var result = (await Api.SendAsync(
                "POST", "customers/import", $"{{\"id\":\"{mark}-00\",{line[1..]}\n{{\"id\":\"{mark}-01\"}}", Ndjson)).Expect(200);
            Assert.Equal((1, 1), (result["rejected"].GetInt32(), result["updated"].GetInt32()));
            Assert.Contains("256 KiB", result.Body);
        }

        Assert.Equal(9, (await Api.GetAsync($"customers/{mark}-00"))["attributes"].EnumerateObject().Count());
    }

    [Fact]
    public async Task Explain_OfMoreThanAMegabyte_Is409()
    {
        var id = NewId();
        var interests = string.Join(',', Enumerable.Range(0, 100).Select(i => $"\"{i:000}{new string('x', 250)}\""));
        (await Api.PutAsync($"customers/{id}", $$$"""{"psychographic":{"interests":[{{{interests}}}]}}""")).Expect(201);
        var one = Is("psychographic.interests", "in", "[\"000x\"]");
        (await Api.PutAsync($"segments/{id}", Body(Any([.. Enumerable.Repeat(one, 20)])))).Expect(201);
        (await Api.GetAsync($"segments/{id}/explain/{id}")).Expect(200);
        (await Api.PutAsync($"segments/{id}", Body(Any([.. Enumerable.Repeat(one, 60)])))).Expect(200);
        Assert.Contains("1 MiB", (await Api.GetAsync($"segments/{id}/explain/{id}")).Expect(409).Body);
    }

    [Fact]
    public async Task Versions_TheLast500AreKept()
    {
        var key = NewId();
        (await Api.PutAsync($"segments/{key}", Body(Everyone, "\"name\":\"1\""))).Expect(201);
        await ScalarAsync(
            $"""
            WITH s AS (UPDATE segments SET version = 500 WHERE key = '{key}' RETURNING id),
            v AS (INSERT INTO segment_versions (segment_id, version, definition, changed_at, changed_by)
              SELECT s.id, n, v.definition, v.changed_at, v.changed_by
              FROM s JOIN segments x ON x.id = s.id JOIN segment_versions v ON v.segment_id = s.id, generate_series(2, 500) n RETURNING 1)
            SELECT count(*) FROM v
            """);
        (await Api.PutAsync($"segments/{key}", Body(Everyone, "\"name\":\"501\""))).Expect(200);
        var versions = (await Api.AllAsync($"segments/{key}/versions", 1000)).Select(v => v.GetProperty("version").GetInt32()).ToList();
        Assert.Equal(Enumerable.Range(2, 500).Reverse(), versions);
        (await Api.PostAsync($"segments/{key}/versions/1/restore", "")).Expect(404);
        (await Api.PostAsync($"segments/{key}/versions/2/restore", "")).Expect(200);
    }

    [Fact]
    public async Task Combine_WhileItEvaluates_OthersCanChangeDefinitions()
    {
        var id = NewId();
        (await Api.PostAsync("events", $$"""{"customerId":"{{id}}","type":"{{id}}"}""")).Expect(200);
        var slow = Is("behavioral.events", "=", All(Is("type", "=", $"\"{id}\"")));
        slow = slow[..^1] + ",\"match\":{\"mode\":\"atLeast\",\"threshold\":1}}";
        foreach (var key in new[] { $"{id}-a", $"{id}-b" })
        {
            (await Api.PutAsync($"segments/{key}", Body(All(slow), "\"status\":\"draft\""))).Expect(201);
        }

        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var holder = await database.OpenConnectionAsync();
        await using var holding = await holder.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand("LOCK TABLE events IN ACCESS EXCLUSIVE MODE", holder))
        {
            await hold.ExecuteNonQueryAsync();
        }

        var combining = Api.PostAsync(
            "segments/combine", $$"""{"operation":"union","keys":["{{id}}-a","{{id}}-b"],"save":{"key":"{{id}}-saved"} }""");
        await Wait.UntilAsync(
            async () => await ScalarAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") is > 0L,
            "it evaluates");
        (await Api.PutAsync($"segments/{id}-other", Body(Everyone))).Expect(201);
        await holding.RollbackAsync();
        Assert.Equal(1, (await combining).Expect(201)["count"].GetInt32());
        Assert.Equal([id], (await Api.AllAsync($"segments/{id}-saved/members")).Select(c => c.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task Queries_WeighByTheirSql()
    {
        using var server = new ApiFixture.Server(fixture.ConnectionString);
        var cache = server.Services.GetRequiredService<QueryCache>();
        var rule = All([.. Enumerable.Range(0, 150).Select(i => Is("customer.email", i % 2 == 0 ? "beginsWith" : "endsWith", $"\"{i}\""))]);
        var sql = (await server.Api.PostAsync("segments/compile", $$"""{"rule":{{rule}}}""")).Expect(200)["sql"].GetString()!;
        var before = cache.Bytes;
        (await server.Api.PostAsync("segments/preview", $$"""{"rule":{{rule}},"sampleSize":0}""")).Expect(200);
        Assert.InRange(cache.Bytes - before, 20L * sql.Length, QueryCache.MaxBytes);
    }

    private static string NewId() => $"bound-{Interlocked.Increment(ref made)}";

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync() is var value && value is decimal number ? (long)number : value;
    }
}

/// <summary>How many of a kind there can be; a database of its own, which is full then.</summary>
public sealed class CountTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task AtTheMost_OneMoreIs409_AndWhatIsThereCanBeChanged()
    {
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        (await Api.PutAsync("segments/first", Body(Everyone, "\"status\":\"draft\""))).Expect(201);
        (await Api.PutAsync("attributes/first", """{"type":"text","kind":"value"}""")).Expect(201);
        foreach (var (table, key, count) in new[] { ("segments", "key", 10_000), ("attributes", "name", 500) })
        {
            // As many copies of the first, but for what tells them apart.
            await using var copy = database.CreateCommand(
                $"""
                DO $$
                DECLARE columns text;
                BEGIN
                  SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
                  WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attname <> '{key}';
                  EXECUTE format('INSERT INTO {table} ({key}, %1$s) SELECT ''copy'' || n, %1$s FROM {table}, generate_series(2, {count}) n '
                    'WHERE {key} = ''first''', columns);
                END $$
                """);
            await copy.ExecuteNonQueryAsync();
        }

        foreach (var refused in new[]
        {
            await Api.PutAsync("segments/one-more", Body(Everyone)),
            await Api.PostAsync("segments", Body(Everyone, "\"key\":\"one-more\"")),
            await Api.PostAsync("segments/first/clone", """{"key":"one-more"}"""),
            await Api.PutAsync("attributes/oneMore", """{"type":"text","kind":"value"}"""),
        })
        {
            Assert.Contains("at most", refused.Expect(409).Body);
        }

        (await Api.PutAsync("segments/first", Body(Everyone, "\"name\":\"Changed\""))).Expect(200);
        (await Api.PutAsync("attributes/first", """{"type":"text","kind":"value","label":"Changed"}""")).Expect(200);
        (await Api.DeleteAsync("segments/copy2")).Expect(204);
        (await Api.PutAsync("segments/one-more", Body(Everyone))).Expect(201);
    }
}
