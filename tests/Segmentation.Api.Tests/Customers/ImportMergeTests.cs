using Npgsql;

namespace Segmentation.Api.Tests.Customers;

/// <summary>A line changes what it names; a dry run says the same and writes nothing.</summary>
public sealed class ImportMergeTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private const string Csv = "text/csv";
    private const string Ndjson = "application/x-ndjson";
    private static int made;

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        foreach (var (name, type) in new[] { ("plan", "text"), ("score", "decimal"), ("tags", "set"), ("renewal", "date") })
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    /// <summary>What is sent, as CSV or NDJSON, and the merge patch that it stands for.</summary>
    public static TheoryData<string, string, string> Lines => new()
    {
        { Csv, "id,attributes.plan\nID,Gold", """{"attributes":{"plan":"Gold"}}""" },
        { Csv, "id,attributes.plan\nID,", """{"attributes":{"plan":null}}""" },
        { Csv, "id,attributes.plan,attributes.tags\nID,,x|y", """{"attributes":{"plan":null,"tags":["x","y"]}}""" },
        { Csv, "id,email\nID,new@x.y", """{"email":"new@x.y"}""" },
        { Csv, "id,email,firstName\nID,,New", """{"email":null,"firstName":"New"}""" },
        { Csv, "id\nID", "{}" },
        { Csv, "id,demographic.birthDate,demographic.income\nID,,7", """{"demographic":{"birthDate":null,"income":7}}""" },
        { Csv, "id,geographic.city\nID,Bonn", """{"geographic":{"city":"Bonn"}}""" },
        {
            Csv, "id,geographic.location.latitude,geographic.location.longitude\nID,1,2",
            """{"geographic":{"location":{"latitude":1,"longitude":2}}}"""
        },
        { Csv, "id,geographic.location.latitude,geographic.location.longitude\nID,,", """{"geographic":{"location":null}}""" },
        { Csv, "id,psychographic.interests\nID,Chess|Go", """{"psychographic":{"interests":["Chess","Go"]}}""" },
        { Csv, "id,psychographic.interests\nID,", """{"psychographic":{"interests":null}}""" },
        {
            Csv, "id,consents.news.granted,consents.news.at\nID,false,2025-01-01T00:00:00Z",
            """{"consents":{"news":{"granted":false,"at":"2025-01-01T00:00:00Z"}}}"""
        },
        { Csv, "id,consent.news\nID,", """{"consents":{"news":null}}""" },
        { Csv, "id,consent.news\nID,true", "{}" },
        { Csv, "id,temporal.signedUpAt\nID,2020-01-01T00:00:00Z", """{"signedUpAt":"2020-01-01T00:00:00Z"}""" },
        { Csv, "id,firstSeenAt,temporal.lastSeenAt\nID,,", """{"firstSeenAt":null,"lastSeenAt":null}""" },
        { Csv, "id,firstSeenAt\nID,2001-01-01T00:00:00Z", """{"firstSeenAt":"2001-01-01T00:00:00Z"}""" },
        { Csv, "id,value.orderCount,createdAt,demographic.age\nID,7,x,y", "{}" },
        { Ndjson, """{"id":"ID","attributes":{"plan":"Gold"}}""", """{"attributes":{"plan":"Gold"}}""" },
        { Ndjson, """{"id":"ID","attributes":{"plan":null,"score":2.5}}""", """{"attributes":{"plan":null,"score":2.5}}""" },
        { Ndjson, """{"id":"ID","attributes":null}""", """{"attributes":null}""" },
        { Ndjson, """{"id":"ID","attributes":{}}""", "{}" },
        { Ndjson, """{"id":"ID","demographic":null}""", """{"demographic":null}""" },
        { Ndjson, """{"id":"ID","demographic":{}}""", "{}" },
        { Ndjson, """{"id":"ID","demographic":{"gender":null}}""", """{"demographic":{"gender":null}}""" },
        { Ndjson, """{"id":"ID","\u0065mail":null}""", """{"email":null}""" },
        { Ndjson, """{"id":"ID","geographic":{"location":null}}""", """{"geographic":{"location":null}}""" },
        { Ndjson, """{"id":"ID","psychographic":{"interests":[]}}""", """{"psychographic":{"interests":[]}}""" },
        {
            Ndjson, """{"id":"ID","consents":{"ads":{"granted":true,"at":"2025-01-01T00:00:00Z"},"news":null}}""",
            """{"consents":{"ads":{"granted":true,"at":"2025-01-01T00:00:00Z"},"news":null}}"""
        },
        { Ndjson, """{"id":"ID","consents":null}""", """{"consents":null}""" },
        { Ndjson, """{"id":"ID","consents":{}}""", "{}" },
        { Ndjson, """{"id":"ID","value":{"orderCount":5},"createdAt":"2020-01-01T00:00:00Z"}""", "{}" },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Line_ChangesWhatItNames_AsAMergePatchDoes(string type, string lines, string patch)
    {
        var (imported, patched) = (await CreateAsync(), await CreateAsync());
        var result = (await ImportAsync(lines.Replace("ID", imported, StringComparison.Ordinal), type)).Expect(200);
        Assert.Equal((1, 0, 1, 0), Counts(result));
        (await Api.PatchAsync($"customers/{patched}", patch)).Expect(200);
        Assert.Equal(await RowAsync(patched), await RowAsync(imported));
    }

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Line_OfANewCustomer_IsAsPut(string type, string lines, string patch)
    {
        var (imported, put) = (NewId(), NewId());
        Assert.Equal((1, 1, 0, 0), Counts((await ImportAsync(lines.Replace("ID", imported, StringComparison.Ordinal), type)).Expect(200)));
        (await Api.PutAsync($"customers/{put}", lines.Contains("consent.news\nID,true", StringComparison.Ordinal)
            ? """{"consents":{"news":{"granted":true}}}""" : patch)).Expect(201);
        Assert.Equal(await RowAsync(put, "consents"), await RowAsync(imported, "consents"));
    }

    [Fact]
    public async Task Lines_OfOneCustomer_AreMergedInTheirOrder()
    {
        var (known, fresh) = (await CreateAsync(), NewId());
        foreach (var id in new[] { known, fresh })
        {
            var result = (await ImportAsync(
                $$$"""
                {"id":"{{{id}}}","firstName":"A","attributes":{"plan":"x","score":1}}
                {"id":"{{{id}}}","lastName":"B","attributes":{"plan":null}}
                {"id":"{{{id}}}","firstName":null,"consents":{"ads":{"granted":true,"at":"2024-01-01T00:00:00Z"} } }
                """, Ndjson)).Expect(200);
            Assert.Equal(id == known ? (3, 0, 3, 0) : (3, 1, 2, 0), Counts(result));
            var customer = (await Api.GetAsync($"customers/{id}")).Expect(200);
            Assert.Equal("B", customer["lastName"].GetString());
            Assert.False(customer.Json.TryGetProperty("firstName", out _));
            Assert.Equal(1, customer["attributes"].GetProperty("score").GetDecimal());
            Assert.False(customer["attributes"].TryGetProperty("plan", out _));
            Assert.True(customer["consents"].GetProperty("ads").GetProperty("granted").GetBoolean());
        }
    }

    [Fact]
    public async Task Consent_WithoutATime_IsOfNowOnlyIfItIsAnotherThanBefore()
    {
        var id = await CreateAsync();
        await ImportAsync($"id,consents.news.granted\n{id},true", Csv);
        var news = (await Api.GetAsync($"customers/{id}"))["consents"].GetProperty("news");
        Assert.Equal("2023-01-01T00:00:00Z", news.GetProperty("at").GetString());
        await ImportAsync($"id,consents.news.granted\n{id},false", Csv);
        news = (await Api.GetAsync($"customers/{id}"))["consents"].GetProperty("news");
        Assert.True(news.GetProperty("at").GetDateTimeOffset() > DateTimeOffset.UtcNow.AddMinutes(-10));
        Assert.False(news.GetProperty("granted").GetBoolean());
    }

    [Fact]
    public async Task Consents_PastAHundred_AreRejected()
    {
        var id = NewId();
        string Purposes(string prefix) => string.Join(',', Enumerable.Range(0, 60).Select(i => $"\"{prefix}{i}\":{{\"granted\":true}}"));
        await ImportAsync($$"""{"id":"{{id}}","consents":{ {{Purposes("a")}} } }""", Ndjson);
        foreach (var query in new[] { "?dryRun=true", "" })
        {
            var result = (await ImportAsync($$"""{"id":"{{id}}","consents":{ {{Purposes("b")}} } }""", Ndjson, query)).Expect(200);
            Assert.Equal((1, 0, 0, 1), Counts(result));
        }
    }

    [Theory]
    [InlineData("geographic.location.latitude", "5")]
    [InlineData("geographic.location.longitude", "5")]
    [InlineData("consents.news.at", "2024-01-01T00:00:00Z")]
    public async Task HalfOfAValue_IsRejected(string column, string cell)
    {
        var id = await CreateAsync();
        Assert.Equal((1, 0, 0, 1), Counts(await ImportAsync($"id,{column}\n{id},{cell}", Csv)));
    }

    [Theory]
    [InlineData("merge")]
    [InlineData("replace")]
    public async Task DryRun_SaysWhatTheRunSays_AndWritesNothing(string mode)
    {
        var (known, fresh) = (await CreateAsync(), NewId());

        // More than a batch, so that a customer is created in one and updated in a later one.
        var lines = string.Concat(Enumerable.Range(0, 9000).Select(i => (i % 5) switch
        {
            0 => $"{known},x,DE\n",
            1 => $"{fresh}-{i % 1000},x,DE\n",
            2 => $"{fresh}-same,x,DE\n",
            3 => $"{fresh}-bad-{i},x,Germany\n",
            _ => $"{fresh}-{i},x\n",
        }));
        var body = "id,firstName,geographic.country\n" + lines;
        var before = await RowAsync(known);
        var dry = (await ImportAsync(body, Csv, $"?mode={mode}&dryRun=true")).Expect(200);
        Assert.Equal(before, await RowAsync(known));
        (await Api.GetAsync($"customers/{fresh}-same")).Expect(404);
        var twice = (await ImportAsync(body, Csv, $"?dryRun=true&mode={mode}")).Expect(200);
        var real = (await ImportAsync(body, Csv, $"?mode={mode}")).Expect(200);
        Assert.Equal(real.Body, dry.Body);
        Assert.Equal(real.Body, twice.Body);
        Assert.Equal((9000, 201, 5199, 3600), Counts(real));
        (await Api.GetAsync($"customers/{fresh}-same")).Expect(200);
    }

    [Fact]
    public async Task Ignored_NamesWhatIsReadOnly()
    {
        var csv = (await ImportAsync($"id,value.orderCount,createdAt,email,#note\n{NewId()},1,x,a@b.c,hello", Csv)).Expect(200);
        Assert.Equal(["#note", "createdAt", "value.orderCount"], csv["ignored"].EnumerateArray().Select(i => i.GetString()));
        var lines = (await ImportAsync(
            $$"""{"id":"{{NewId()}}","value":{"orderCount":1},"demographic":{"age":5,"children":1} }""", Ndjson)).Expect(200);
        Assert.Equal(["demographic.age", "value"], lines["ignored"].EnumerateArray().Select(i => i.GetString()));
        Assert.Empty((await ImportAsync($"id\n{NewId()}", Csv)).Expect(200)["ignored"].EnumerateArray());
    }

    [Fact]
    public async Task TwoAtOnce_ThatMergeTheSameNewCustomers_LoseNothing()
    {
        var id = NewId();
        string File(string name) => string.Join('\n', Enumerable.Range(0, 6000).Select(i => $$"""{"id":"{{id}}-{{i}}","{{name}}":"x"}"""));
        await Task.WhenAll(new[] { "firstName", "lastName", "email" }.Select(name => ImportAsync(File(name), Ndjson)));
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand(
            $"SELECT count(*) FROM customers WHERE id LIKE '{id}-%' AND first_name = 'x' AND last_name = 'x' AND email = 'x'");
        Assert.Equal(6000L, await command.ExecuteScalarAsync());
    }

    private static string NewId() => $"merge-{Interlocked.Increment(ref made)}";

    private static (int Received, int Created, int Updated, int Rejected) Counts(Answer result) => (
        result["received"].GetInt32(), result["created"].GetInt32(), result["updated"].GetInt32(), result["rejected"].GetInt32());

    private Task<Answer> ImportAsync(string body, string type, string query = "") =>
        Api.SendAsync("POST", "customers/import" + query, body, type);

    // Everything that a customer can have, and an event.
    private async Task<string> CreateAsync()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", """
            {"email":"Old@x.y","firstName":"Old","lastName":"Name",
             "demographic":{"birthDate":"1980-02-29","gender":"Female","income":1000.5,"children":2,"education":"Master"},
             "geographic":{"country":"DE","city":"Köln","timeZone":"Europe/Berlin","climate":"polar",
               "location":{"latitude":50.9,"longitude":6.9}},
             "psychographic":{"interests":["Golf","Tea"],"values":["Home"],"lifestyle":"Urban"},
             "attributes":{"plan":"Silver","score":1.5,"tags":["a","b"],"renewal":"2025-02-28"},
             "consents":{"news":{"granted":true,"at":"2023-01-01T00:00:00Z"},"sms":{"granted":false,"at":"2023-02-01T00:00:00Z"}},
             "signedUpAt":"2019-01-01T00:00:00Z","firstSeenAt":"2018-01-01T00:00:00Z","lastSeenAt":"2024-06-01T00:00:00Z"}
            """)).Expect(201);
        (await Api.PostAsync(
            $"customers/{id}/events", """{"type":"order_completed","amount":9,"occurredAt":"2022-01-01T00:00:00Z"}""")).Expect(200);
        return id;
    }

    // The whole row, but for who it is and when it was written: a consent withdrawn by it, too.
    private async Task<string> RowAsync(string id, params string[] except)
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        string[] left = ["key", "id", "id_folded", "created_at", "updated_at", .. except];
        await using var command = source.CreateCommand(
            """SELECT regexp_replace(r.row, '"at": "20(2[6-9]|[3-9])[^"]*"', '"at": "now"', 'g') FROM (""" +
            $"SELECT (to_jsonb(c) - ARRAY[{string.Join(',', left.Select(l => $"'{l}'"))}])::text AS row " +
            $"FROM customers c WHERE id = '{id}') r");
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
