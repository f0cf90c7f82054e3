using Npgsql;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Consents are records that are only appended, and what stands follows from them.</summary>
public sealed class ConsentsTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private const string Proof = "\"source\":\"checkout\",\"policyVersion\":\"v1\"";
    private static readonly DateTimeOffset start = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static int made;

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        foreach (var purpose in new[] { "news", "sms" })
        {
            await Api.PutAsync($"purposes/{purpose}", """{"basis":"consent"}""");
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Records_InAnyOrderAndByAnyWay_LastOfTheGreatestTimeStands(int seed)
    {
        var random = new Random(seed);
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        (int At, bool Granted)? expected = null;
        for (var i = 0; i < 25; i++)
        {
            var (at, granted) = (random.Next(8), random.Next(2) == 0);
            var document = $"\"granted\":{(granted ? "true" : "false")},\"at\":\"{start.AddDays(at):O}\"";
            var consents = $"\"consents\":{{\"news\":{{{document}}}}}";
            await (random.Next(5) switch
            {
                0 => Api.PutAsync($"customers/{id}/consents/news", $"{{{document},{Proof}}}"),
                1 => Api.PutAsync($"customers/{id}", $"{{{consents}}}"),
                2 => Api.PatchAsync($"customers/{id}", $"{{{consents}}}"),
                3 => Api.SendAsync("POST", "customers/import", $"{{\"id\":\"{id}\",{consents}}}", "application/x-ndjson"),
                _ => Api.SendAsync("POST", "customers/import?mode=replace", $"{{\"id\":\"{id}\",{consents}}}", "application/x-ndjson"),
            }).ContinueWith(a => a.Result.Expect(200), TaskScheduler.Default);
            expected = expected is { } before && before.At > at ? before : (at, granted);

            var standing = (await Api.GetAsync($"customers/{id}/consents/news")).Expect(200);
            Assert.Equal(
                (start.AddDays(expected.Value.At), expected.Value.Granted),
                (standing["at"].GetDateTimeOffset(), standing["granted"].GetBoolean()));
            var carried = (await Api.GetAsync($"customers/{id}")).Expect(200)["consents"].GetProperty("news");
            Assert.Equal(
                (start.AddDays(expected.Value.At), expected.Value.Granted),
                (carried.GetProperty("at").GetDateTimeOffset(), carried.GetProperty("granted").GetBoolean()));
            Assert.Equal(
                expected.Value.Granted, await ScalarAsync($"SELECT 'news' = ANY (consents_granted) FROM customers WHERE id = '{id}'"));
        }
    }

    [Theory]
    [InlineData("merge")]
    [InlineData("replace")]
    public async Task Import_OfSeveralLinesAboutOneConsent_RecordsEach(string mode)
    {
        var (id, other) = ($"lines-{mode}", $"lines-{mode}-2");
        (await Api.PutAsync("purposes/newsletter", "{}")).Expect(200, 201);
        (await Api.PutAsync(
            $"customers/{id}", """{"consents":{"newsletter":{"granted":true,"at":"2020-01-01T00:00:00Z"} } }""")).Expect(201);
        (string Id, bool Granted, string At)[] said =
        [
            (id, true, "2026-06-01"), (id, false, "2026-08-01"), (other, true, "2026-06-01"), (id, true, "2026-07-01"),
            (id, true, "2026-07-01"), (other, false, "2026-06-02"), (id, false, "2026-08-01"),
        ];
        var lines = said.Select(s => $$$"""
            {"id":"{{{s.Id}}}","consents":{"newsletter":{"granted":{{{(s.Granted ? "true" : "false")}}},"at":"{{{s.At}}}T00:00:00Z"} } }
            """.Trim());
        var result = (await Api.SendAsync(
            "POST", $"customers/import?mode={mode}", string.Join('\n', lines), "application/x-ndjson")).Expect(200);
        Assert.Equal((7, 1, 0), (
            result["received"].GetInt32(), result["created"].GetInt32(), result["rejected"].GetInt32()));
        Assert.Equal(
            ["False 2026-08-01", "True 2026-07-01", "True 2026-06-01", "True 2020-01-01"], await HistoryAsync(id));
        Assert.Equal(["False 2026-06-02", "True 2026-06-01"], await HistoryAsync(other));
        Assert.False((await Api.GetAsync($"customers/{id}")).Expect(200)["consents"].GetProperty("newsletter").GetProperty("granted")
            .GetBoolean());

        async Task<IEnumerable<string>> HistoryAsync(string customer) =>
            (await Api.AllAsync($"customers/{customer}/consents/newsletter/history"))
                .Select(r => $"{r.GetProperty("granted").GetBoolean()} {r.GetProperty("at").GetDateTimeOffset():yyyy-MM-dd}");
    }

    [Fact]
    public async Task Withdrawn_OfAPurposeThatIsNotRegistered_IsTakenWhereItWasGiven()
    {
        (await Api.PutAsync("customers/promo", """{"consents":{"Promo":{"granted":true} } }""")).Expect(201);
        const string proof = "\"source\":\"call\",\"policyVersion\":\"1\"";
        (await Api.PutAsync("customers/promo/consents/Promo", $"{{\"granted\":true,{proof}}}")).Expect(400);
        (await Api.PutAsync("customers/promo/consents/Other", $"{{\"granted\":false,{proof}}}")).Expect(400);
        var now = (await Api.PutAsync("customers/promo/consents/Promo", $"{{\"granted\":false,{proof}}}")).Expect(200);
        Assert.False(now["granted"].GetBoolean());
    }

    [Fact]
    public async Task Profile_LeftOutOrRepeated_AppendsNothing_NullWithdraws()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", """{"consents":{"news":{"granted":true,"at":"2025-01-01T00:00:00Z"}}}""")).Expect(201);
        var whole = (await Api.PutAsync($"customers/{id}", """{"firstName":"A"}""")).Expect(200);
        (await Api.PutAsync($"customers/{id}", whole.Body)).Expect(200);
        (await Api.PutAsync($"customers/{id}", """{"consents":{"news":{"granted":true}}}""")).Expect(200);
        (await Api.SendAsync("POST", "customers/import?mode=replace", $"id,email\n{id},a@b.c", "text/csv")).Expect(200);
        var record = Assert.Single(await Api.AllAsync($"customers/{id}/consents/news/history", 10));
        Assert.Equal(("profile", true), (record.GetProperty("source").GetString(), record.GetProperty("granted").GetBoolean()));

        (await Api.PatchAsync($"customers/{id}", """{"consents":{"news":null}}""")).Expect(200);
        var history = await Api.AllAsync($"customers/{id}/consents/news/history", 1);
        Assert.Equal([false, true], history.Select(r => r.GetProperty("granted").GetBoolean()));
    }

    [Fact]
    public async Task Import_LinesOfOneCustomer_KeepTheNewestConsent()
    {
        foreach (var mode in new[] { "merge", "replace" })
        {
            var id = NewId();
            (await Api.SendAsync("POST", $"customers/import?mode={mode}", $$$"""
                {"id":"{{{id}}}","consents":{"news":{"granted":true,"at":"2025-03-01T00:00:00Z"} } }
                {"id":"{{{id}}}","consents":{"news":{"granted":false,"at":"2025-02-01T00:00:00Z"},"sms":{"granted":true} } }
                {"id":"{{{id}}}","firstName":"A"}
                """, "application/x-ndjson")).Expect(200);
            var items = (await Api.GetAsync($"customers/{id}/consents")).Expect(200)["items"].EnumerateArray().ToArray();
            Assert.Equal(["news", "sms"], items.Select(i => i.GetProperty("purpose").GetString()));
            Assert.All(items, i => Assert.True(i.GetProperty("granted").GetBoolean()));
            Assert.All(items, i => Assert.Equal("import", i.GetProperty("source").GetString()));
        }
    }

    [Theory]
    [InlineData("news", """{"source":"x","policyVersion":"1"}""", "/granted")]
    [InlineData("news", """{"granted":true,"policyVersion":"1"}""", "/source")]
    [InlineData("news", """{"granted":true,"source":"x"}""", "/policyVersion")]
    [InlineData("news", """{"granted":true,"source":" ","policyVersion":"1"}""", "/source")]
    [InlineData("news", """{"granted":true,"source":"x","policyVersion":"1","evidence":"\u0000"}""", "/evidence")]
    [InlineData("news", """{"granted":true,"source":"x","policyVersion":"1","at":"2999-01-01T00:00:00Z"}""", "/at")]
    [InlineData("news", """{"granted":true,"source":"x","policyVersion":"1","typo":1}""", "/typo")]
    [InlineData("nobodys", """{"granted":true,"source":"x","policyVersion":"1"}""", "/purpose")]
    [InlineData("a-b", """{"granted":true,"source":"x","policyVersion":"1"}""", "/purpose")]
    public async Task Put_Invalid_Is400AtItsPlace(string purpose, string body, string pointer)
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        Assert.Equal([pointer], (await Api.PutAsync($"customers/{id}/consents/{purpose}", body)).Expect(400).Faults);
        Assert.Empty((await Api.GetAsync($"customers/{id}/consents")).Expect(200)["items"].EnumerateArray());
    }

    [Fact]
    public async Task Missing_Is404_DeletingIs405_FutureInAProfileIs400()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}/consents/news", $"{{\"granted\":true,{Proof}}}")).Expect(404);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        (await Api.GetAsync($"customers/{id}/consents/news")).Expect(404);
        (await Api.DeleteAsync($"customers/{id}/consents/news")).Expect(405);
        Assert.Equal(
            ["/consents/news/at"],
            (await Api.PatchAsync($"customers/{id}", """{"consents":{"news":{"granted":true,"at":"2999-01-01T00:00:00Z"}}}"""))
                .Expect(400).Faults);
    }

    [Fact]
    public async Task Records_AreNeverChanged_AndGoWithTheirCustomer()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        var put = (await Api.PutAsync($"customers/{id}/consents/news", $"{{\"granted\":true,{Proof},\"evidence\":\"{id}\"}}")).Expect(200);
        Assert.Equal(
            ("checkout", "v1", id),
            (put["source"].GetString(), put["policyVersion"].GetString(), put["evidence"].GetString()));
        var refused = await Assert.ThrowsAsync<PostgresException>(
            () => ScalarAsync($"UPDATE consent_records SET granted = false WHERE evidence = '{id}'"));
        Assert.Equal("23001", refused.SqlState);
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        Assert.Equal(0L, await ScalarAsync($"SELECT count(*) FROM consent_records WHERE evidence = '{id}'"));
    }

    [Fact]
    public async Task Purpose_IsRegisteredAndChanged_StaysWhileAnActiveSegmentReadsIt()
    {
        var name = NewId();
        var created = (await Api.PutAsync($"purposes/{name}", """{"label":"Mail","basis":"legitimateInterest"}""")).Expect(201);
        (await Api.PutAsync($"purposes/{name}", created.Body)).Expect(200);
        Assert.Equal("legitimateInterest", (await Api.GetAsync($"purposes/{name}")).Expect(200)["basis"].GetString());
        Assert.Contains(await Api.AllAsync("purposes", 1), p => p.GetProperty("name").GetString() == name);
        Assert.Equal(["/name"], (await Api.PutAsync("purposes/News", "{}")).Expect(400).Faults);
        Assert.Equal(["/basis"], (await Api.PutAsync($"purposes/{name}", """{"basis":"whim"}""")).Expect(400).Faults);

        (await Api.PutAsync(
            $"segments/{name}", $$"""{"name":"A","status":"active","rule":{{All(Is($"consent.{name}", "=", "true"))}}}""")).Expect(201);
        Assert.Contains(name, (await Api.DeleteAsync($"purposes/{name}")).Expect(409)["title"].GetString());
        (await Api.DeleteAsync($"segments/{name}")).Expect(204);
        (await Api.DeleteAsync($"purposes/{name}")).Expect(204);
        (await Api.DeleteAsync($"purposes/{name}")).Expect(204);
        (await Api.GetAsync($"purposes/{name}")).Expect(404);
    }

    private static string NewId() => $"consent{Interlocked.Increment(ref made)}";

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
