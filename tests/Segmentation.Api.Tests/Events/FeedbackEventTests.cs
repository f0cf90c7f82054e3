using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Events;

/// <summary>Feedback over HTTP: the sentiment of an event, and of its customer.</summary>
public sealed class FeedbackEventTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("""{"nps":10}""", null, 1.0, "score")]
    [InlineData("""{"nps":3}""", null, -0.4, "score")]
    [InlineData("""{"csat":4}""", null, 0.5, "score")]
    [InlineData("""{"rating":2.5}""", null, -0.25, "score")]
    [InlineData("""{"rating":1,"nps":10}""", null, 1.0, "score")]
    [InlineData("""{"nps":11,"rating":1}""", null, -1.0, "score")]
    [InlineData("""{"nps":1,"text":"I love it, it is perfect"}""", null, -0.8, "score")]
    [InlineData("""{"nps":"9","text":"It is not good"}""", null, -0.361, "words")]
    [InlineData("""{"nps":1e400,"text":"It is GOOD"}""", null, 0.459, "words")]
    [InlineData("""{"text":"good"}""", "en-GB", 0.459, "words")]
    [InlineData("""{"text":"good"}""", null, null, null)]
    [InlineData("""{"text":"It is good"}""", "de", null, null)]
    [InlineData("""{"text":"Das ist nicht good"}""", null, null, null)]
    [InlineData("""{"text":"I ordered it on Tuesday"}""", null, null, null)]
    [InlineData("""{"text":5}""", null, null, null)]
    [InlineData("""{}""", null, null, null)]
    public async Task Event_ThatIsFeedback_HasASentiment(string properties, string? language, double? sentiment, string? source)
    {
        var id = Guid.NewGuid().ToString();
        await Api.PutAsync($"customers/{id}", language is null ? "{}" : $$$"""{"demographic":{"language":"{{{language}}}"}}""");
        (await Api.PostAsync("events", $$"""{"customerId":"{{id}}","type":"Feedback","properties":{{properties}}}""")).Expect(200);
        var e = (await Api.GetAsync($"customers/{id}/events")).Expect(200)["items"][0];
        Assert.Equal(sentiment, e.TryGetProperty("sentiment", out var s) ? s.GetDouble() : null);
        Assert.Equal(source, e.TryGetProperty("sentimentSource", out var from) ? from.GetString() : null);
        var customer = (await Api.GetAsync($"customers/{id}")).Expect(200).Json;
        Assert.Equal(sentiment, customer.GetProperty("psychographic").TryGetProperty("sentiment", out var mean) ? mean.GetDouble() : null);
        Assert.Equal(
            e.GetProperty("occurredAt").GetRawText(), customer.GetProperty("behavioral").GetProperty("lastFeedbackAt").GetRawText());
    }

    [Fact]
    public async Task Event_OfAnotherType_HasNoSentiment()
    {
        await Api.PutAsync("customers/other-type", "{}");
        (await Api.PostAsync("events", """{"customerId":"other-type","type":"review","properties":{"nps":9},"sentiment":1}""")).Expect(200);
        Assert.False((await Api.GetAsync("customers/other-type/events"))["items"][0].TryGetProperty("sentiment", out _));
        Assert.False((await Api.GetAsync("customers/other-type"))["behavioral"].TryGetProperty("lastFeedbackAt", out _));
    }

    [Fact]
    public async Task Sentiment_IsTheMeanOfTheLastFiveOfAYear_NowAndInThePast()
    {
        const string id = "five";
        var now = DateTimeOffset.UtcNow;
        async Task SendAsync(int daysAgo, int nps) => (await Api.PostAsync(
            "events?createCustomers=true",
            $$$"""
            {"customerId":"{{{id}}}","type":"feedback","occurredAt":"{{{now.AddDays(-daysAgo):O}}}","properties":{"nps":{{{nps}}}}}
            """))
            .Expect(200);
        async Task<decimal?> ReadAsync() =>
            (await Api.GetAsync($"customers/{id}"))["psychographic"].TryGetProperty("sentiment", out var s) ? s.GetDecimal() : null;

        await SendAsync(400, 10);
        Assert.Null(await ReadAsync());
        await SendAsync(300, 0);
        Assert.Equal(-1, await ReadAsync());
        await SendAsync(10, 10);
        await SendAsync(5, 6);
        Assert.Equal(0.067m, await ReadAsync()); // (-1 + 1 + 0.2) / 3
        await SendAsync(200, 10); // It comes late.
        Assert.Equal(0.3m, await ReadAsync());
        await SendAsync(4, 10);
        await SendAsync(3, 10); // The one of 300 days ago is the sixth.
        Assert.Equal(0.84m, await ReadAsync());

        // A rule reads the same; before the last two it was otherwise.
        async Task<int> CountAsync(string rule, double daysAgo)
        {
            (await Api.PutAsync("segments/five", $$"""{"rule":{{All(Is("customer.id", "=", $"\"{id}\""), rule)}}}""")).Expect(200, 201);
            var at = Uri.EscapeDataString(now.AddDays(-daysAgo).ToString("O"));
            return (await Api.GetAsync($"segments/five/count?asOf={at}")).Expect(200)["count"].GetInt32();
        }

        Assert.Equal(1, (await Api.PostAsync(
            "segments/preview", Body(All(Is("customer.id", "=", $"\"{id}\""), Is("psychographic.sentiment", "=", "0.84")))))
            .Expect(200)["count"].GetInt32());
        Assert.Equal(1, await CountAsync(Is("psychographic.sentiment", "=", "0.3"), 4.5));
        Assert.Equal(1, await CountAsync(Is("psychographic.sentiment", "=", "1"), 301));
        Assert.Equal(1, await CountAsync(Is("psychographic.sentiment", "null"), 410));
    }

    [Fact]
    public async Task Metric_Sentiment_IsTheAverageOverEvents()
    {
        var tag = Guid.NewGuid().ToString();
        (await Api.PutAsync($"segments/felt-{tag}", $$"""{"rule":{{All(Is("customer.lastName", "=", $"\"{tag}\""))}}}""")).Expect(201);
        foreach (var (i, scores) in new[] { (1, new[] { 10, 8 }), (2, [0]), (3, []) })
        {
            await Api.PutAsync($"customers/{tag}-{i}", $$"""{"lastName":"{{tag}}"}""");
            foreach (var nps in scores)
            {
                (await Api.PostAsync(
                    "events", $$$"""{"customerId":"{{{tag}}}-{{{i}}}","type":"feedback","properties":{"nps":{{{nps}}}}}""")).Expect(200);
            }
        }

        var metric = (await Api.GetAsync($"segments/felt-{tag}/performance?metric=sentiment&population=now&membership=rule")).Expect(200);
        var last = metric["items"].EnumerateArray().Last().GetProperty("segment");
        Assert.Equal(0.2, last.GetProperty("value").GetDouble(), 9); // (1 + 0.6 - 1) / 3
        Assert.Equal(3, last.GetProperty("events").GetDouble());
        Assert.Equal(2, last.GetProperty("customers").GetDouble());
        (await Api.PutAsync(
            "metrics/felt",
            $$"""{"kind":"sum","goal":"increase","of":"sentiment","event":{{All(Is("type", "=", "\"feedback\""))}}}""")).Expect(201);
        metric = (await Api.GetAsync($"segments/felt-{tag}/performance?metric=felt&population=now&membership=rule")).Expect(200);
        Assert.Equal(0.6, metric["items"].EnumerateArray().Last().GetProperty("segment").GetProperty("value").GetDouble(), 9);
    }

    [Theory]
    [InlineData("sentiment", "\"x\"")]
    [InlineData("sentimentSource", "\"guess\"")]
    public async Task Rule_WithWhatNoSentimentIs_IsRefused(string field, string value)
    {
        var rule = $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{{All(Is(field, "=", value))}}}""";
        Assert.Contains(field, (await Api.PostAsync("segments/preview", Body(All(rule)))).Expect(400).Body, StringComparison.Ordinal);
    }
}
