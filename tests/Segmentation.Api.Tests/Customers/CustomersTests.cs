using System.Text.Json;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Profiles, one at a time, over HTTP.</summary>
public sealed class CustomersTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private const string Whole = """
        "email":"Ada@Example.com","firstName":"Ada","lastName":"Lovelace",
        "demographic":{"birthDate":"1985-12-10","gender":"Female","education":"Self-taught","occupation":"Mathematician",
        "maritalStatus":"Married","language":"en-GB","income":81234.56,"householdSize":5,"children":3},
        "geographic":{"country":"GB","region":"England","city":"London","postalCode":"W1","timeZone":"Europe/London",
        "climate":"temperate","location":{"latitude":51.5074,"longitude":-0.1278}},
        "psychographic":{"interests":["Engines","Poetry"],"values":["Rigour"],"attitudes":["Curious"],"motivations":["Insight"],
        "lifestyle":"Bookish","personality":"INTJ"},
        "attributes":{"plan":"Gold","score":7,"ratio":0.125,"vip":true,
        "renewal":"2025-02-28","lastCall":"2025-01-01T12:00:00Z","tags":["A","b"]},
        "consents":{"marketing":{"granted":true,"at":"2024-01-01T00:00:00Z"},"profiling":{"granted":false,"at":"2024-01-02T00:00:00Z"}},
        "signedUpAt":"2023-05-01T10:00:00Z","firstSeenAt":"2023-04-01T10:00:00Z","lastSeenAt":"2025-04-01T10:00:00.123456Z"
        """;

    private static int made;

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        foreach (var (name, type) in new[] { ("plan", "text"), ("score", "integer"), ("ratio", "decimal"), ("vip", "boolean"),
            ("renewal", "date"), ("lastCall", "instant"), ("tags", "set") })
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Post_WholeCustomer_IsCreatedAndReadBackAsSent()
    {
        var id = NewId();
        var created = (await Api.PostAsync("customers", $$"""{"id":"{{id}}",{{Whole}}}""")).Expect(201);
        Assert.EndsWith($"/api/v1/customers/{id}", created.Message.Headers.Location!.ToString());
        Assert.Equal("\"1\"", created.Version);

        var got = (await Api.GetAsync($"customers/{id}")).Expect(200);
        Assert.True(JsonElement.DeepEquals(created.Json, got.Json), created.Body + got.Body);
        foreach (var sent in JsonSerializer.Deserialize<JsonElement>("{" + Whole + "}").EnumerateObject())
        {
            AssertContains(sent.Value, got[sent.Name], sent.Name);
        }

        Assert.InRange(got["demographic"].GetProperty("age").GetInt32(), 39, 200);
        Assert.Equal("""{"lifetimeValue":0,"orderCount":0}""", got["value"].GetRawText());
        Assert.Equal("""{"eventCount":0}""", got["behavioral"].GetRawText());
    }

    [Fact]
    public async Task Put_WhatGetGave_ChangesNothingButTheVersion()
    {
        var id = NewId();
        var created = (await Api.PutAsync($"customers/{id}", "{" + Whole + "}")).Expect(201);
        var put = (await Api.PutAsync($"customers/{id}", created.Body)).Expect(200);
        Assert.Equal("\"2\"", put.Version);
        foreach (var member in created.Json.EnumerateObject().Where(m => m.Name != "updatedAt"))
        {
            Assert.True(JsonElement.DeepEquals(member.Value, put[member.Name]), member.Name);
        }
    }

    [Fact]
    public async Task Put_LessThanThereWas_ReplacesTheWhole()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{" + Whole + "}")).Expect(201);
        var put = (await Api.PutAsync($"customers/{id}", """{"firstName":"Grace"}""")).Expect(200);
        Assert.Equal("Grace", put["firstName"].GetString());
        Assert.False(put.Json.TryGetProperty("email", out _));
        Assert.Equal("{}", put["attributes"].GetRawText());
        Assert.True(put["consents"].GetProperty("marketing").GetProperty("granted").GetBoolean());
        Assert.Equal("{}", put["demographic"].GetRawText());
    }

    [Fact]
    public async Task Post_TextWithBlanks_IsNormalized()
    {
        var answer = (await Api.PostAsync("customers", """
            {"email":"  a@b.c ","firstName":"   ","lastName":null,
             "geographic":{"country":"de","climate":"ARID","timeZone":"europe/berlin","location":null},
             "psychographic":{"interests":[" Golf","golf","","Chess "]},
             "attributes":{"plan":"  ","tags":["x"," X ",""],"score":null},"consents":{"marketing":null}}
            """)).Expect(201);
        Assert.Equal("a@b.c", answer["email"].GetString());
        Assert.False(answer.Json.TryGetProperty("firstName", out _));
        Assert.Equal("""{"country":"DE","timeZone":"Europe/Berlin","climate":"arid"}""", answer["geographic"].GetRawText());
        Assert.Equal("""["Golf","Chess"]""", answer["psychographic"].GetProperty("interests").GetRawText());
        Assert.Equal("""{"tags":["x"]}""", answer["attributes"].GetRawText());
        Assert.Equal("{}", answer["consents"].GetRawText());
        Assert.Equal(7, Guid.Parse(answer["id"].GetString()!).Version);
    }

    [Fact]
    public async Task Post_ConsentWithoutTime_IsGivenNow()
    {
        var answer = (await Api.PostAsync("customers", """{"consents":{"marketing":{"granted":true}}}""")).Expect(201);
        Assert.True(DateTimeOffset.UtcNow - answer["consents"].GetProperty("marketing").GetProperty("at").GetDateTimeOffset()
            < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Post_TakenId_Returns409()
    {
        var id = NewId();
        (await Api.PostAsync("customers", $$"""{"id":"{{id}}"}""")).Expect(201);
        (await Api.PostAsync("customers", $$"""{"id":"{{id}}","firstName":"x"}""")).Expect(409);
        Assert.False((await Api.GetAsync($"customers/{id}")).Json.TryGetProperty("firstName", out _));
    }

    [Fact]
    public async Task Put_OtherIdThanThePath_Returns400() =>
        Assert.Equal(["/id"], (await Api.PutAsync($"customers/{NewId()}", """{"id":"other"}""")).Expect(400).Faults);

    [Theory]
    [InlineData("a b")]
    [InlineData("ünïcode-✓")]
    [InlineData("a?b=c&d")]
    [InlineData("A")]
    public async Task Put_UnusualId_IsItsOwn(string id)
    {
        var path = $"customers/{Uri.EscapeDataString(id)}";
        Assert.Equal(id, (await Api.PutAsync(path, "{}")).Expect(201)["id"].GetString());
        Assert.Equal(id, (await Api.GetAsync(path)).Expect(200)["id"].GetString());
        (await Api.DeleteAsync(path)).Expect(204);
    }

    [Fact]
    public async Task Patch_MergesAndRemoves()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{" + Whole + "}")).Expect(201);
        var patched = (await Api.PatchAsync($"customers/{id}", """
            {"email":null,"firstName":"Augusta","demographic":{"income":null,"children":4},"psychographic":{"interests":["Music"]},
             "attributes":{"plan":null,"score":8},"consents":{"marketing":null}}
            """)).Expect(200);
        Assert.False(patched.Json.TryGetProperty("email", out _));
        Assert.Equal("Augusta", patched["firstName"].GetString());
        Assert.Equal("Lovelace", patched["lastName"].GetString());
        Assert.False(patched["demographic"].TryGetProperty("income", out _));
        Assert.Equal(
            (4, 5),
            (patched["demographic"].GetProperty("children").GetInt32(), patched["demographic"].GetProperty("householdSize").GetInt32()));
        Assert.Equal("""["Music"]""", patched["psychographic"].GetProperty("interests").GetRawText());
        Assert.Equal(8, patched["attributes"].GetProperty("score").GetInt32());
        Assert.False(patched["attributes"].TryGetProperty("plan", out _));
        Assert.False(patched["consents"].GetProperty("marketing").GetProperty("granted").GetBoolean());
        Assert.Equal("\"2\"", patched.Version);
    }

    [Fact]
    public async Task Missing_Returns404_AndDeleteIsRepeatable()
    {
        var id = NewId();
        (await Api.GetAsync($"customers/{id}")).Expect(404);
        (await Api.PatchAsync($"customers/{id}", "{}")).Expect(404);
        (await Api.GetAsync($"customers/{id}/events")).Expect(404);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        (await Api.DeleteAsync($"customers/{id}")).Expect(204);
        (await Api.GetAsync($"customers/{id}")).Expect(404);
    }

    [Fact]
    public async Task IfMatch_StaleVersion_Returns412()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{}", ("If-Match", "*"))).Expect(412);
        var first = (await Api.PutAsync($"customers/{id}", "{}")).Expect(201).ETag!;
        var second = (await Api.PutAsync($"customers/{id}", """{"firstName":"B"}""", ("If-Match", first))).Expect(200).ETag!;
        (await Api.PutAsync($"customers/{id}", """{"firstName":"C"}""", ("If-Match", first))).Expect(412);
        (await Api.PatchAsync($"customers/{id}", """{"firstName":"C"}""", ("If-Match", first))).Expect(412);
        (await Api.DeleteAsync($"customers/{id}", ("If-Match", first))).Expect(412);
        (await Api.PostAsync("events", $$"""{"customerId":"{{id}}","type":"order_completed","amount":5}""")).Expect(200);
        // An event is no change of the profile.
        (await Api.PatchAsync($"customers/{id}", """{"firstName":"C"}""", ("If-Match", second))).Expect(200);
    }

    [Fact]
    public async Task IfMatch_TwoWriters_OneGets412()
    {
        var id = NewId();
        var etag = (await Api.PutAsync($"customers/{id}", "{}")).Expect(201).ETag!;
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(i => Api.PutAsync($"customers/{id}", $$"""{"firstName":"{{i}}"}""", ("If-Match", etag))));
        Assert.Equal([200, .. Enumerable.Repeat(412, 7)], answers.Select(a => a.Status).Order());
    }

    [Fact]
    public async Task Put_ManyAtOnceOnANewId_OneCreatesTheOthersReplace()
    {
        var id = NewId();
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(i => Api.PutAsync($"customers/{id}", $$"""{"firstName":"{{i}}"}""")));
        Assert.Equal([.. Enumerable.Repeat(200, 7), 201], answers.Select(a => a.Status).Order());
    }

    [Fact]
    public async Task List_PagesById_AndFiltersByEmail()
    {
        var prefix = NewId();
        foreach (var i in Enumerable.Range(0, 7))
        {
            (await Api.PutAsync($"customers/{prefix}-{i}", $$"""{"email":"{{prefix}}@Example.com"}""")).Expect(201);
        }

        var found = await Api.AllAsync($"customers?email={prefix.ToUpperInvariant()}@example.COM", limit: 3);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"{prefix}-{i}"), found.Select(c => c.GetProperty("id").GetString()));
        var all = (await Api.AllAsync("customers", limit: 4)).Select(c => c.GetProperty("id").GetString()!).ToArray();
        Assert.Equal(all.Distinct().Order(StringComparer.Ordinal), all);
        Assert.Equal(["limit"], (await Api.GetAsync("customers?limit=0")).Expect(400).Faults);
        Assert.Equal(["cursor"], (await Api.GetAsync("customers?cursor=xx")).Expect(400).Faults);
        Assert.Equal(["email"], (await Api.GetAsync("customers?email=%00")).Expect(400).Faults);
    }

    [Fact]
    public async Task FirstAndLastSeen_AreTheOuterOfSentAndEvents()
    {
        var id = NewId();
        await Api.PostAsync("events", $$"""
            [{"customerId":"{{id}}","type":"a","occurredAt":"2024-03-01T00:00:00Z"},
             {"customerId":"{{id}}","type":"a","occurredAt":"2024-01-01T00:00:00Z"}]
            """);
        var later = (await Api.PutAsync(
            $"customers/{id}", """{"firstSeenAt":"2024-02-01T00:00:00Z","lastSeenAt":"2024-02-01T00:00:00Z"}""")).Expect(200);
        Assert.Equal(("2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z"), (later["firstSeenAt"].GetString(), later["lastSeenAt"].GetString()));
        var outer = (await Api.PutAsync(
            $"customers/{id}", """{"firstSeenAt":"2023-02-01T00:00:00Z","lastSeenAt":"2025-02-01T00:00:00Z"}""")).Expect(200);
        Assert.Equal(("2023-02-01T00:00:00Z", "2025-02-01T00:00:00Z"), (outer["firstSeenAt"].GetString(), outer["lastSeenAt"].GetString()));
    }

    [Fact]
    public async Task Delete_ErasesEventsAndMemberships_AndIsRepeatable()
    {
        (await Api.PutAsync("customers/gone", "{}")).Expect(201);
        (await Api.PostAsync("customers/gone/events", """{"id":"1","type":"order_completed","amount":5}""")).Expect(200);
        (await Api.PutAsync("segments/erasure", """{"kind":"manual"}""")).Expect(201);
        (await Api.PutAsync("segments/erasure/members/gone", "{}")).Expect(200);
        (await Api.DeleteAsync("customers/gone")).Expect(204);
        (await Api.DeleteAsync("customers/gone")).Expect(204);
        (await Api.GetAsync("customers/gone")).Expect(404);
        Assert.Equal(0, (await Api.GetAsync("segments/erasure/count")).Expect(200)["count"].GetInt64());
        (await Api.PutAsync("customers/gone", "{}")).Expect(201);
        Assert.Empty((await Api.GetAsync("customers/gone/events")).Expect(200)["items"].EnumerateArray());
        Assert.Equal(0, (await Api.GetAsync("customers/gone")).Expect(200)["value"].GetProperty("lifetimeValue").GetDecimal());
    }

    [Fact]
    public async Task List_OfASegment_IsItsMembers()
    {
        var prefix = NewId();
        foreach (var i in Enumerable.Range(0, 7))
        {
            (await Api.PutAsync($"customers/{prefix}-{i}", $$$"""{"demographic":{"children":{{{i}}} }}""")).Expect(201);
        }

        var rule = All(Is("demographic.children", ">", "4"), Is("customer.id", "beginsWith", $"\"{prefix}-\""));
        (await Api.PutAsync($"segments/{prefix}", Body(rule))).Expect(201);
        Assert.Equal(
            [$"{prefix}-5", $"{prefix}-6"],
            (await Api.AllAsync($"customers?segment={prefix}", 1)).Select(c => c.GetProperty("id").GetString()));
        (await Api.GetAsync("customers?segment=none-such")).Expect(404);
    }

    private static string NewId() => $"customer-{Interlocked.Increment(ref made)}";

    private static void AssertContains(JsonElement sent, JsonElement got, string path)
    {
        if (sent.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in sent.EnumerateObject())
            {
                AssertContains(member.Value, got.GetProperty(member.Name), $"{path}.{member.Name}");
            }
        }
        else
        {
            Assert.True(sent.GetRawText() == got.GetRawText(), $"{path}: {got.GetRawText()}");
        }
    }
}
