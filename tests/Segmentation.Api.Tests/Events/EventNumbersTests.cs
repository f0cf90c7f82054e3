using System.Text.Json;
using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Events;

/// <summary>Numbers that events and customers carry: a long tail costs nothing, and what is out of range is named.</summary>
public sealed class EventNumbersTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static int made;

    private Api Api => fixture.Api;

    [Theory]
    [InlineData("0.30000000000000004")]
    [InlineData("1234567890123456789")]
    [InlineData("12345678901234567890.5")]
    [InlineData("-98765432109876543210")]
    [InlineData("1e400")]
    [InlineData("1E+200000")]
    [InlineData("1e-200000")]
    [InlineData("0e99999999999")]
    [InlineData("5.0")]
    [InlineData("0.12345678901234567890123456789012345678901234567890123456789012345678901234567")]
    public async Task Post_AnyNumberInProperties_IsStoredAndShownAsSent(string number)
    {
        var id = NewId();
        var body = $$$"""
            [{"customerId":"{{{id}}}","type":"x","properties":{"n":{{{number}}},"Text":"A","list":[{{{number}}},{"m":{{{number}}}}]}}]
            """;
        var answer = (await Api.PostAsync("events", body)).Expect(200);
        Assert.Equal((1, 0), (answer["stored"].GetInt32(), answer["rejected"].GetInt32()));
        var shown = Assert.Single(await Api.AllAsync($"customers/{id}/events")).GetProperty("properties");
        if (number is "1E+200000" or "1e-200000" or "0e99999999999")
        {
            // No rule can hold it, but the event does.
            Assert.Equal(number, shown.GetProperty("n").GetRawText());
            Assert.Equal([id], await FindAsync(id, Is("properties.n", "notNull")));
            return;
        }

        Assert.Equal(number, shown.GetProperty("n").GetRawText());
        Assert.True(
            JsonElement.DeepEquals(JsonSerializer.Deserialize<JsonElement>(body)[0].GetProperty("properties"), shown), shown.GetRawText());

        var same = Is("properties.n", "=", number);
        Assert.Equal([id], await FindAsync(id, same));
        Assert.Equal([id], await FindAsync(id, Is("properties.n", "in", $"[7,{number}]")));
        Assert.Empty(await FindAsync(id, Is("properties.n", "!=", number)));
        Assert.Equal([id], await FindAsync(id, Is("properties.n", "notNull")));
        Assert.Equal([id], await FindAsync(id, Is("properties.n", "!=", "\"text\"")));

        // In memory, as stored membership is.
        var key = await Api.MakeSegmentAsync(Events(same));
        Assert.Contains(key, (await Api.GetAsync($"customers/{id}/segments?live=true")).Expect(200).Body);
    }

    [Fact]
    public async Task Rules_SeeNineDecimals_AndLeaveOutWhatHasNoOrder()
    {
        var id = NewId();
        foreach (var n in new[] { "0.30000000000000004", "2.9999999999", "1e400", "12345678901234567890" })
        {
            (await Api.PostAsync($"customers/{id}/events", $$$"""{"type":"x","properties":{"n":{{{n}}}}}""")).Expect(200);
        }

        Assert.Equal([id], await FindAsync(id, Is("properties.n", "=", "0.3")));
        Assert.Empty(await FindAsync(id, Is("properties.n", ">", "3")));
        Assert.Equal([id], await FindAsync(id, Is("properties.n", ">=", "3")));
        foreach (var (aggregate, expected) in new[] { ("sum", "3.3"), ("max", "3"), ("min", "0.3"), ("avg", "1.65"), ("distinct", "2") })
        {
            var match = $$"""{"mode":"exactly","threshold":{{expected}},"aggregate":"{{aggregate}}","of":"properties.n"}""";
            Assert.Equal([id], await FindAsync(id, null, match));
        }
    }

    [Theory]
    [InlineData("0.30000000000000004", "0.3")]
    [InlineData("19.90", "19.90")]
    [InlineData("0.0000000005", "0.000000001")]
    [InlineData("-0.0000000005", "-0.000000001")]
    [InlineData("1e-400", "0")]
    public async Task Post_AmountsTail_IsRoundedHalfAwayFromZero(string sent, string kept)
    {
        var id = NewId();
        (await Api.PostAsync($"customers/{id}/events", $$"""{"type":"x","amount":{{sent}}}""")).Expect(200);
        Assert.Equal(kept, Assert.Single(await Api.AllAsync($"customers/{id}/events")).GetProperty("amount").GetRawText());

        (await Api.PutAsync($"customers/{id}", $$$"""{"demographic":{"income":{{{sent}}}}}""")).Expect(200);
        Assert.Equal(kept, (await Api.GetAsync($"customers/{id}"))["demographic"].GetProperty("income").GetRawText());
    }

    [Fact]
    public async Task Numbers_PastEighteenDigits_AreNamed()
    {
        (await Api.PutAsync("attributes/tail", """{"type":"decimal","kind":"value"}""")).Expect(201);
        var id = NewId();
        foreach (var number in new[] { "1234567890123456789", "1e400", "-999999999999999999.9999999999" })
        {
            var amount = (await Api.PostAsync("events", $$"""[{"customerId":"{{id}}","type":"x","amount":{{number}}}]""")).Expect(200);
            Assert.Contains("amount: Must be a number of at most 18 digits before the point.", amount.Body);
            Assert.Equal(
                ["/attributes/tail"],
                (await Api.PutAsync($"customers/{id}", $$$"""{"attributes":{"tail":{{{number}}}}}""")).Expect(400).Faults);
            Assert.Equal(
                ["/demographic/income"],
                (await Api.PutAsync($"customers/{id}", $$$"""{"demographic":{"income":{{{number}}}}}""")).Expect(400).Faults);
            var csv = (await Api.SendAsync(
                "POST", "customers/import", $"id,demographic.income,attributes.tail\n{id},1,{number}\n{id},{number},1\n", "text/csv"))
                .Expect(200);
            Assert.Contains("attributes.tail must have at most 18 digits before the point.", csv.Body);
            Assert.Contains("demographic.income: Must be a number of at most 18 digits before the point.", csv.Body);
        }

        var imported = await Api.SendAsync(
            "POST",
            "customers/import",
            $"id,demographic.income,attributes.tail,geographic.location.latitude,geographic.location.longitude\n"
                + $"{id},12345678.12345678949,0.30000000000000004,52.123456789012,+13.5\n",
            "text/csv");
        imported.Expect(200);
        var customer = await Api.GetAsync($"customers/{id}");
        Assert.Equal("12345678.123456789", customer["demographic"].GetProperty("income").GetRawText());
        Assert.Equal("0.3", customer["attributes"].GetProperty("tail").GetRawText());
        Assert.Equal("""{"latitude":52.123456789012,"longitude":13.5}""", customer["geographic"].GetProperty("location").GetRawText());
    }

    private async Task<string[]> FindAsync(string id, string? rule, string match = """{"mode":"some"}""")
    {
        var body = $$"""{"rule":{{All(Is("customer.id", "=", $"\"{id}\""), Events(rule, match, wrapped: false))}}}""";
        var preview = (await Api.PostAsync("segments/preview", body)).Expect(200);
        return [.. preview["sample"].EnumerateArray().Select(c => c.GetProperty("id").GetString()!)];
    }

    private static string Events(string? rule, string match = """{"mode":"some"}""", bool wrapped = true)
    {
        var group = rule is null ? Everyone : All(rule);
        var events = $$"""{"field":"behavioral.events","operator":"=","match":{{match}},"value":{{group}}}""";
        return wrapped ? All(events) : events;
    }

    private static string NewId() => $"numbers-{Interlocked.Increment(ref made)}";
}
