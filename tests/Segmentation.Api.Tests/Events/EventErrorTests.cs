namespace Segmentation.Api.Tests.Events;

/// <summary>Where in a list an event is wrong.</summary>
public sealed class EventErrorTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    [Theory]
    [InlineData("""{"customerId":"ID"}""", "/type")]
    [InlineData("""{"customerId":"ID","type":"x","occurredAt":"yesterday"}""", "/occurredAt")]
    [InlineData("""{"customerId":"ID","type":"x","amonut":1}""", "/amonut")]
    [InlineData("""{"customerId":"ID","type":"x","properties":[1]}""", "/properties")]
    [InlineData("""7""", "")]
    public async Task Post_InvalidAmongOthers_ItsPlaceIsAPointer(string body, string pointer)
    {
        var good = $$"""{"customerId":"{{Guid.NewGuid()}}","type":"view"}""";
        body = body.Replace("ID", $"{Guid.NewGuid()}", StringComparison.Ordinal);
        var array = (await fixture.Api.PostAsync("events", $"[{good},{good},{body}]")).Expect(200)["errors"];
        Assert.Equal($"/2{pointer}", Assert.Single(array.EnumerateArray()).GetProperty("pointer").GetString());
        var lines = (await fixture.Api.SendAsync("POST", "events", $"{good}\n{body}", "application/x-ndjson"))
            .Expect(200)["errors"];
        Assert.Equal(pointer, Assert.Single(lines.EnumerateArray()).GetProperty("pointer").GetString());
    }
}
