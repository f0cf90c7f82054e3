using System.Text.Json;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>Segments as sets, over HTTP.</summary>
public sealed class SetsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static int made;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Combine_IsSetAlgebra_AlsoOfWhatIsMissing()
    {
        var (mark, keys) = await MakeAsync();
        var members = new Dictionary<string, HashSet<string>>();
        foreach (var key in keys)
        {
            members[key] = await IdsAsync(key);
        }

        var random = new Random(3);
        for (var i = 0; i < 30; i++)
        {
            string[] some = [.. keys.OrderBy(_ => random.Next()).Take(random.Next(2, 5))];
            var rest = some.Skip(1).Select(k => members[k]).ToList();
            foreach (var (operation, expected) in new[]
            {
                ("union", rest.Aggregate(members[some[0]], (a, b) => [.. a.Union(b)])),
                ("intersection", rest.Aggregate(members[some[0]], (a, b) => [.. a.Intersect(b)])),
                ("difference", rest.Aggregate(members[some[0]], (a, b) => [.. a.Except(b)])),
            })
            {
                var preview = (await Api.PostAsync("segments/combine", Body(operation, some, "\"sampleSize\":100"))).Expect(200);
                Assert.Equal(expected.Count, preview["count"].GetInt32());
                Assert.Equal(expected.Order(), preview["sample"].EnumerateArray().Select(c => c.GetProperty("id").GetString()!).Order());
                var total = preview["total"].GetInt64();
                Assert.Equal(Math.Round((decimal)expected.Count / total, 6), preview["share"].GetDecimal());
                Assert.NotEqual(default, preview["evaluatedAt"].GetDateTimeOffset());
            }
        }

        foreach (var size in new[] { 0, 3 })
        {
            var preview = await Api.PostAsync("segments/combine", Body("union", keys[..2], $"\"sampleSize\":{size}"));
            Assert.Equal(size, preview.Expect(200)["sample"].GetArrayLength());
        }
    }

    [Fact]
    public async Task Read_ManyCustomersAtOnce_EachGetsItsOwnSegments()
    {
        var (_, keys) = await MakeAsync();
        var members = await Task.WhenAll(keys.Select(IdsAsync));
        var everyone = members.SelectMany(m => m).Distinct().ToList();
        Dictionary<int, string> ids = [];
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        foreach (var key in keys)
        {
            (await Api.PatchAsync($"segments/{key}", """{"status":"active"}""")).Expect(200);
            await using var id = source.CreateCommand($"SELECT id FROM segments WHERE key = '{key}'");
            ids.Add((int)(await id.ExecuteScalarAsync())!, key);
        }

        await StoredMembershipTests.SettledAsync(source, DateTimeOffset.UtcNow);
        await using var stored = Stored(fixture.ConnectionString);
        await Task.WhenAll(Enumerable.Range(0, 20 * everyone.Count).Select(async i =>
        {
            var id = everyone[i % everyone.Count];
            Assert.Null(await stored.ReadAsync($"nobody-{i}", default));
            var segments = (await stored.ReadAsync(id, default))!.Segments;
            Assert.Equal(
                keys.Where((_, k) => members[k].Contains(id)).Order(), segments.Where(ids.ContainsKey).Select(s => ids[s]).Order());
        }));

        // A cancelled request ends, and the others are answered.
        using var impatient = new CancellationTokenSource();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stored.ReadAsync(everyone[0], impatient.Token));
        Assert.NotNull(await stored.ReadAsync(everyone[0], default));
    }

    [Fact]
    public async Task Read_ManyCustomersAtOnceWithoutDatabase_AllFail()
    {
        await using var gone = Stored(
            new NpgsqlConnectionStringBuilder(fixture.ConnectionString) { Database = "there_is_none" }.ConnectionString);
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 300).Select(async i => await Record.ExceptionAsync(() => gone.ReadAsync($"c{i}", default))));
        Assert.All(answers, a => Assert.IsType<PostgresException>(a));
    }

    private static StoredMembership Stored(string connectionString) =>
        StoredMembership.Create(new DataSources(new ConnectionSettings(connectionString), new Limits()), new Limits());

    [Fact]
    public async Task Combine_Saved_IsAManualSegmentOfThoseMembers()
    {
        var (mark, keys) = await MakeAsync();
        var expected = (await IdsAsync(keys[0])).Except(await IdsAsync(keys[1])).Order().ToList();
        var key = $"saved-{mark}";
        var save = $$"""{"key":"{{key}}","name":" Saved ","goal":"g","description":"d","tags":["t"]}""";
        var request = Body("difference", keys[..2], $"\"sampleSize\":1,\"save\":{save}");
        var saved = (await Api.PostAsync("segments/combine", request)).Expect(201);
        var segment = saved["segment"];
        Assert.Equal($"/api/v1/segments/{key}", new Uri(Api.Client.BaseAddress!, saved.Message.Headers.Location!).AbsolutePath);
        Assert.Equal("\"1\"", saved.Version);
        Assert.Equal(
            ["manual", "active", "Saved", "g", "d", "[\"t\"]", "1", $"{expected.Count}"],
            new[] { "kind", "status", "name", "goal", "description", "tags", "version", "memberCount" }
                .Select(n => segment.GetProperty(n).ToString()));
        Assert.Equal(
            (expected.Count, 1, (await Api.GetAsync("segments/" + key + "/count")).Expect(200)["total"].GetInt64()),
            (saved["count"].GetInt32(), saved["sample"].GetArrayLength(), saved["total"].GetInt64()));
        Assert.Contains(saved["sample"][0].GetProperty("id").GetString()!, expected);
        Assert.NotEmpty(expected);
        Assert.Equal(expected, (await IdsAsync(key)).Order());
        Assert.Equal(1, (await Api.GetAsync($"segments/{key}/versions")).Expect(200)["items"].GetArrayLength());
        Assert.Equal(expected.Count, (await Api.GetAsync($"segments/{key}")).Expect(200)["memberCount"].GetInt32());

        Assert.Contains(
            key, (await Api.PostAsync("segments/combine", Body("union", keys[..2], $"\"save\":{save}"))).Expect(409)["title"].GetString());
        Assert.Equal(expected, (await IdsAsync(key)).Order());
    }

    [Fact]
    public async Task Overlap_IsWhatSqlCounts()
    {
        var (_, keys) = await MakeAsync();
        await using var connection = new Npgsql.NpgsqlConnection(fixture.ConnectionString);
        await connection.OpenAsync();
        Dictionary<string, HashSet<string>> members = [];
        foreach (var key in keys)
        {
            members[key] = await IdsAsync(key);
        }

        // Some of them are stored: both ways of reading at once.
        await ExecuteAsync("UPDATE segments SET status = 'Active' WHERE key = ANY ($1)", [keys.Where((_, i) => i % 2 == 0).ToArray()]);
        await using (var source = Npgsql.NpgsqlDataSource.Create(fixture.ConnectionString))
        {
            await StoredMembershipTests.SettledAsync(source, DateTimeOffset.UtcNow);
        }

        var overlap = (await Api.PostAsync("segments/overlap", $"{{\"keys\":{JsonSerializer.Serialize(keys)}}}")).Expect(200);
        Assert.Equal(
            keys.Select(k => (k, members[k].Count)),
            overlap["segments"].EnumerateArray().Select(s => (s.GetProperty("key").GetString()!, s.GetProperty("size").GetInt32())));
        var pairs = overlap["pairs"].EnumerateArray()
            .Select(p => (
                A: p.GetProperty("a").GetString()!,
                B: p.GetProperty("b").GetString()!,
                Both: p.GetProperty("intersection").GetInt32(),
                Jaccard: p.GetProperty("jaccard").GetDecimal()))
            .ToList();
        Assert.Equal(keys.Length * (keys.Length - 1) / 2, pairs.Count);
        Assert.All(pairs, p =>
        {
            var (both, either) = (members[p.A].Intersect(members[p.B]).Count(), members[p.A].Union(members[p.B]).Count());
            Assert.Equal((both, either == 0 ? 0 : Math.Round((decimal)both / either, 6)), (p.Both, p.Jaccard));
        });
        Assert.Contains(pairs, p => p.Both > 0);

        async Task ExecuteAsync(string sql, params object[] values)
        {
            await using var command = new Npgsql.NpgsqlCommand(sql, connection);
            command.Parameters.AddRange(Array.ConvertAll(values, v => new Npgsql.NpgsqlParameter { Value = v }));
            await command.ExecuteNonQueryAsync();
        }
    }

    [Theory]
    [InlineData("overlap", "{}", "/keys")]
    [InlineData("overlap", "{\"keys\":[]}", "/keys")]
    [InlineData("overlap", "{\"keys\":[\"KEY\"]}", "/keys")]
    [InlineData("overlap", "{\"keys\":\"KEY\"}", "/keys")]
    [InlineData("overlap", "{\"keys\":[\"KEY\",\"no-such\",null]}", "/keys/1 /keys/2")]
    [InlineData("overlap", "{\"keys\":[\"KEY\",7]}", "/keys/1")]
    [InlineData("overlap", "{\"keys\":[\"KEY\",\"KEY\"]}", "/keys/1")]
    [InlineData("overlap", "{\"keys\":[\"KEY\",\"a\\u0000\"]}", "/keys/1")]
    [InlineData("overlap", "{\"keys\":[\"KEY\",\"OTHER\"],\"more\":1}", "/more")]
    [InlineData("combine", "{\"keys\":[\"KEY\",\"OTHER\"]}", "/operation")]
    [InlineData("combine", "{\"operation\":\"xor\",\"keys\":[\"KEY\",\"OTHER\"]}", "/operation")]
    [InlineData("combine", "{\"operation\":1,\"keys\":[\"KEY\",\"OTHER\"]}", "/operation")]
    [InlineData("combine", "{\"operation\":\"union\",\"keys\":[\"KEY\",\"no-such\"]}", "/keys/1")]
    [InlineData("combine", "{\"operation\":\"union\",\"keys\":[\"KEY\",\"OTHER\"],\"sampleSize\":101}", "/sampleSize")]
    [InlineData("combine", "{\"operation\":\"union\",\"keys\":[\"KEY\",\"OTHER\"],\"sampleSize\":-1}", "/sampleSize")]
    [InlineData("combine", "{\"operation\":\"union\",\"keys\":[\"KEY\",\"OTHER\"],\"save\":{}}", "/save/key")]
    [InlineData("combine", "{\"operation\":\"union\",\"keys\":[\"KEY\",\"OTHER\"],\"save\":\"x\"}", "/save")]
    [InlineData(
        "combine",
        "{\"operation\":\"union\",\"keys\":[\"KEY\",\"OTHER\"],\"save\":{\"key\":\"No Slug\",\"tags\":[\"\"]}}",
        "/save/key /save/tags/0")]
    [InlineData("combine", "{\"operation\":\"union\",\"keys\":[\"KEY\",\"OTHER\"],\"save\":{\"key\":\"x\",\"rule\":{}}}", "/save/rule")]
    public async Task Malformed_Are400(string path, string body, string faults)
    {
        var (key, other) = ($"set-{Interlocked.Increment(ref made)}", $"set-{Interlocked.Increment(ref made)}");
        (await Api.PutAsync($"segments/{key}", "{\"kind\":\"manual\"}")).Expect(201);
        (await Api.PutAsync($"segments/{other}", "{\"kind\":\"manual\"}")).Expect(201);
        body = body.Replace("KEY", key, StringComparison.Ordinal).Replace("OTHER", other, StringComparison.Ordinal);
        Assert.Equal(faults, string.Join(' ', (await Api.PostAsync($"segments/{path}", body)).Expect(400).Faults));
    }

    [Fact]
    public async Task TooManyKeys_Are400() => Assert.Equal(
        ["/keys"],
        (await Api.PostAsync("segments/overlap", $"{{\"keys\":[{string.Join(",", Enumerable.Range(0, 101).Select(i => $"\"s{i}\""))}]}}"))
            .Expect(400).Faults);

    private static string Body(string operation, string[] keys, string more) =>
        $"{{\"operation\":\"{operation}\",\"keys\":{JsonSerializer.Serialize(keys)},{more}}}";

    private async Task<HashSet<string>> IdsAsync(string key) =>
        [.. (await Api.AllAsync($"segments/{key}/members?fields=id", 1000)).Select(m => m.GetProperty("id").GetString()!)];

    // Drafts over customers of which each lacks something, and a manual one; some are empty.
    private async Task<(string Mark, string[] Keys)> MakeAsync()
    {
        var (mark, random) = ($"set{Interlocked.Increment(ref made)}", new Random(made));
        string Maybe(string json) => random.Next(3) == 0 ? "" : json;
        string Customer(int i)
        {
            var lastName = Maybe($",\"lastName\":\"{mark}\"");
            var demographic = Maybe($$""","demographic":{"income":{{random.Next(5) * 1000}},"children":{{random.Next(3)}} }""");
            var psychographic = Maybe($$""","psychographic":{"interests":["I{{random.Next(3)}}"]}""");
            return $$"""{"id":"{{mark}}-{{i}}"{{lastName}}{{demographic}}{{psychographic}} }""";
        }

        var lines = Enumerable.Range(0, 80).Select(Customer);
        var imported = await Api.SendAsync("POST", "customers/import", string.Join('\n', lines), "application/x-ndjson");
        Assert.Equal(80, imported.Expect(200)["created"].GetInt32());
        foreach (var i in Enumerable.Range(0, 40))
        {
            (await Api.PostAsync(
                $"customers/{mark}-{i}/events",
                $$"""{"type":"{{(i % 3 == 0 ? "order_completed" : "page_viewed")}}","amount":{{i}} }""")).Expect(200);
        }

        var mine = Is("customer.id", "beginsWith", $"\"{mark}-\"");
        var named = Is("customer.lastName", "=", $"\"{mark}\"");
        var ordered = All(Is("type", "=", "\"order_completed\""));
        string[] rules =
        [
            All(mine, Is("demographic.income", ">=", "2000")),
            All(mine, Is("demographic.children", "!=", "1")),
            All(mine, Is("psychographic.interests", "contains", "[\"I1\",\"I2\"]")),
            All(mine, $$"""{"combinator":"and","not":true,"rules":[{{Is("demographic.income", "<", "3000")}},{{named}}]}"""),
            All(mine, $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":1},"value":{{ordered}}}"""),
            All(mine, Is("demographic.income", ">", "90000")),
        ];
        List<string> keys = [];
        foreach (var rule in rules)
        {
            keys.Add($"{mark}-{keys.Count}");
            (await Api.PutAsync($"segments/{keys[^1]}", Segments.RuleJson.Body(rule, "\"status\":\"draft\""))).Expect(201);
        }

        keys.Add($"{mark}-manual");
        (await Api.PutAsync($"segments/{keys[^1]}", "{\"kind\":\"manual\",\"status\":\"draft\"}")).Expect(201);
        (await Api.PostAsync(
            $"segments/{keys[^1]}/members",
            JsonSerializer.Serialize(new { add = Enumerable.Range(0, 80).Where(i => i % 4 != 1).Select(i => $"{mark}-{i}") }))).Expect(200);
        return (mark, [.. keys]);
    }
}
