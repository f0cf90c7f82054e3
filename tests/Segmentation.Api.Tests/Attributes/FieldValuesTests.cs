using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Attributes;

/// <summary>What <c>GET /fields/{name}/values</c> suggests.</summary>
public sealed class FieldValuesTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        foreach (var (name, type) in new[]
        {
            ("vTags", "set"), ("vPlan", "text"), ("vScore", "decimal"), ("vDay", "date"), ("vWhen", "instant"),
        })
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }

        await Api.PutAsync("customers/values-1", """
            {"geographic":{"city":"SÖLDEN","climate":"arid"},"demographic":{"birthDate":"1980-02-29","income":10.5},
             "psychographic":{"interests":["Zither","Zen","ÖKO"]},"signedUpAt":"2020-01-01T00:00:00Z",
             "attributes":{"vTags":["Zap","Other","ŽLUTÁ"],"vPlan":"Ärger","vScore":-1.5,
              "vDay":"2020-01-01","vWhen":"2020-01-01T00:00:00Z"}}
            """);
        await Api.PutAsync("customers/values-2", """
            {"geographic":{"city":"Sölden"},"demographic":{"birthDate":"2000-01-01","income":99},
             "psychographic":{"interests":["ZEN"]},"signedUpAt":"2021-06-01T12:30:00.5Z",
             "attributes":{"vTags":["zap"],"vPlan":"100%_x","vScore":7,"vDay":"2024-12-31","vWhen":"2024-12-31T23:59:59.999Z"}}
            """);
        await Api.PutAsync("customers/values-3", """{"geographic":{"city":"Soltau"}}""");
        await Api.PostAsync("events", """
            [{"id":"1","customerId":"values-1","type":"ÖLWECHSEL","channel":"ÜberWeb","amount":5,"occurredAt":"2024-01-01T00:00:00Z",
              "properties":{"category":"Öl","price":2.5,"paid":true,"mixed":"text","inner":{"name":"Tief"},"large":123456789012345678}},
             {"id":"2","customerId":"values-1","type":"Ölwechsel","channel":"überweb","amount":-7.25,"occurredAt":"2025-01-01T00:00:00Z",
              "properties":{"category":"ÖL","price":10,"paid":false,"mixed":3}},
             {"id":"3","customerId":"values-2","type":"other_thing","channel":"Store","occurredAt":"2025-06-01T00:00:00Z",
              "properties":{"category":"100%","list":["Öl"]}}]
            """);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData("geographic.city", "söl", "Sölden")]
    [InlineData("geographic.city", "SÖ", "Sölden")]
    [InlineData("geographic.city", "so", "Soltau")]
    [InlineData("geographic.city", "s", "Soltau,Sölden")]
    [InlineData("geographic.city", "%", "")]
    [InlineData("geographic.city", "s_l", "")]
    [InlineData("geographic.city", "ölden", "")]
    [InlineData("psychographic.interests", "z", "Zen,Zither")]
    [InlineData("psychographic.interests", "ö", "ÖKO")]
    [InlineData("attributes.vTags", "z", "Zap|zap")]
    [InlineData("attributes.vTags", "žLU", "ŽLUTÁ")]
    [InlineData("attributes.vPlan", "ä", "Ärger")]
    [InlineData("attributes.vPlan", "100%_", "100%_x")]
    [InlineData("attributes.vPlan", "100_", "")]
    [InlineData("geographic.climate", "A", "arid")]
    [InlineData("type", "öl", "ÖLWECHSEL|Ölwechsel")]
    [InlineData("behavioral.events.type", "ÖL", "ÖLWECHSEL|Ölwechsel")]
    [InlineData("behavioral.sequence.type", "OTHER_", "other_thing")]
    [InlineData("behavioral.events.channel", "ÜB", "überweb|ÜberWeb")]
    [InlineData("behavioral.events.channel", "", "Store,überweb|ÜberWeb")]
    [InlineData("behavioral.events.properties.category", "öl", "ÖL|Öl")]
    [InlineData("behavioral.events.properties.category", "100%", "100%")]
    [InlineData("behavioral.events.properties.category", "_", "")]
    [InlineData("behavioral.events.properties.inner.name", "t", "Tief")]
    [InlineData("behavioral.events.properties.list", "", "")]
    [InlineData("behavioral.events.properties.none", "", "")]
    [InlineData("behavioral.events.properties.paid", "T", "true")]
    [InlineData("consent.marketing", "", "true,false")]
    public async Task Values_BeginAsAsked_EachOnce(string field, string prefix, string expected)
    {
        var values = (await GetAsync(field, prefix))["values"].EnumerateArray().Select(v => v.GetString()!).ToList();
        var wanted = expected.Length == 0 ? [] : expected.Split(',');
        Assert.Equal(wanted.Length, values.Count);

        // One of the spellings that it has.
        Assert.All(wanted, w => Assert.Contains(w.Split('|'), values.Contains));
    }

    [Theory]
    [InlineData("demographic.income", "10.5", "99")]
    [InlineData("demographic.birthDate", "\"1980-02-29\"", "\"2000-01-01\"")]
    [InlineData("temporal.signedUpAt", "\"2020-01-01T00:00:00Z\"", "\"2021-06-01T12:30:00.5Z\"")]
    [InlineData("attributes.vScore", "-1.5", "7")]
    [InlineData("attributes.vDay", "\"2020-01-01\"", "\"2024-12-31\"")]
    [InlineData("attributes.vWhen", "\"2020-01-01T00:00:00Z\"", "\"2024-12-31T23:59:59.999Z\"")]
    [InlineData("temporal.localHour", "0", "23")]
    [InlineData("temporal.localDayOfWeek", "1", "7")]
    [InlineData("value.percentile", "0", "100")]
    [InlineData("value.orderCount", "0", "0")]
    [InlineData("value.firstOrderAt", null, null)]
    [InlineData("behavioral.events.amount", "-7.25", "5")]
    [InlineData("behavioral.events.occurredAt", "\"2024-01-01T00:00:00Z\"", "\"2025-06-01T00:00:00Z\"")]
    [InlineData("behavioral.events.month", "1", "12")]
    [InlineData("behavioral.events.properties.price", "2.5", "10")]
    [InlineData("behavioral.events.properties.mixed", "3", "3")]
    [InlineData("behavioral.events.properties.large", "123456789012345678", "123456789012345678")]
    public async Task NumbersAndDates_HaveALeastAndAGreatest(string field, string? min, string? max)
    {
        var answer = await GetAsync(field, "");
        Assert.Equal(min, answer.Json.TryGetProperty("min", out var least) ? least.GetRawText() : null);
        Assert.Equal(max, answer.Json.TryGetProperty("max", out var greatest) ? greatest.GetRawText() : null);
        Assert.Equal(field.EndsWith("mixed", StringComparison.Ordinal) ? 1 : 0, answer["values"].GetArrayLength());
    }

    [Fact]
    public async Task Segment_HasKeysWithTheirNames_FoundByEither()
    {
        var key = await Api.MakeSegmentAsync(Everyone, "\"name\":\"ÖKO-Freunde\"");
        foreach (var prefix in new[] { key.ToUpperInvariant(), "öko-f" })
        {
            var found = await GetAsync("segment", prefix);
            Assert.Contains(key, found["values"].EnumerateArray().Select(v => v.GetString()));
            Assert.Equal("ÖKO-Freunde", found["labels"].GetProperty(key).GetString());
        }

        Assert.Empty((await GetAsync("segment", "freunde"))["values"].EnumerateArray());
    }

    [Fact]
    public async Task Values_AreFiftyAtMost()
    {
        var events = Enumerable.Range(0, 60).Select(i => $$$"""
            {"customerId":"fifty","type":"fifty_{{{i}}}","channel":"fifty {{{i}}}","properties":{"fifty":"v{{{i}}}"}}
            """);
        (await Api.PostAsync("events", $"[{string.Join(',', events)}]")).Expect(200);
        foreach (var (field, prefix) in new[]
        {
            ("type", "fifty"), ("behavioral.events.channel", "fifty"), ("behavioral.events.properties.fifty", "V"),
        })
        {
            Assert.Equal(50, (await GetAsync(field, prefix))["values"].GetArrayLength());
        }
    }

    [Theory]
    [InlineData("behavioral.events", 400)]
    [InlineData("behavioral.sequence", 400)]
    [InlineData("temporal.birthday", 400)]
    [InlineData("geographic.location", 400)]
    [InlineData("demographic.ag", 404)]
    [InlineData("behavioral.events.", 404)]
    [InlineData("behavioral.events.nope", 404)]
    [InlineData("behavioral.events.properties.", 404)]
    [InlineData("behavioral.events.properties.a..b", 404)]
    [InlineData("behavioral.events.demographic.age", 404)]
    [InlineData("consent.", 404)]
    [InlineData("channel", 404)]
    public async Task Field_WithoutValues_IsRefused(string field, int status) =>
        (await Api.GetAsync($"fields/{field}/values")).Expect(status);

    [Fact]
    public async Task FieldOfEventsByItsNameAlone_IsToldItsWholeName() => Assert.Contains(
        "behavioral.events.channel", (await Api.GetAsync("fields/channel/values")).Expect(404)["title"].GetString()!,
        StringComparison.Ordinal);

    private async Task<Answer> GetAsync(string field, string prefix) =>
        (await Api.GetAsync($"fields/{field}/values?prefix={Uri.EscapeDataString(prefix)}")).Expect(200);
}
