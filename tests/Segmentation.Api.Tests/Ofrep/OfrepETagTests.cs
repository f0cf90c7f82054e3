using Segmentation.Api.Tests.Playbooks;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Ofrep;

/// <summary>The bulk's ETag: what changes it, and what does not; and pages of other sites.</summary>
public sealed class OfrepETagTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Flags = "/ofrep/v1/evaluate/flags";

    private Api Api => fixture.Api;

    [Fact]
    public async Task ETag_ChangesWithWhatChangesAFlag_AndWithNothingElse()
    {
        const string phone = """{"combinator":"and","rules":[{"field":"context.device","operator":"=","value":"mobile"}]}""";
        const string germans = """{"combinator":"and","rules":[{"field":"geographic.country","operator":"=","value":"DE"}]}""";
        var (placement, other) = (await Api.MakePlacementAsync("string"), await Api.MakePlacementAsync("string", "\"fallback\""));
        var customer = $"c{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"customers/{customer}", "{}")).Expect(201);
        await Api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":"phone","when":{{phone}}}""", "\"priority\":9");
        await Api.MakePlaybookAsync($$"""{"key":"b","placement":"{{placement}}","content":"german"}""", $"\"audience\":{germans}");
        var context = $$"""{"targetingKey":"{{customer}}","placements":["{{placement}}","{{other}}"]}""";
        var first = await AskAsync(context);
        Assert.Matches("^\"[0-9a-f]{32}\"$", first.ETag);
        Assert.DoesNotContain("evaluatedAt", first.Body, StringComparison.Ordinal);

        // The time, another context, and what no flag asks of the customer.
        (await Api.PatchAsync($"customers/{customer}", """{"firstName":"A","geographic":{"country":"FR"}}""")).Expect(200);
        Assert.Equal(first.ETag, (await AskAsync(context)).ETag);
        Assert.Equal(first.ETag, (await AskAsync(With(context, "\"page\":\"/x\",\"device\":\"tablet\""))).ETag);
        await using (var server = new ApiFixture.Server(fixture.ConnectionString, migrate: false))
        {
            Assert.Equal(first.ETag, (await server.Api.PostAsync(Flags, $"{{\"context\":{context}}}")).Expect(200).ETag);
        }

        HashSet<string?> tags = [first.ETag];
        Assert.True(tags.Add((await AskAsync(With(context, "\"device\":\"mobile\""))).ETag));
        (await Api.PatchAsync($"customers/{customer}", """{"geographic":{"country":"DE"}}""")).Expect(200);
        Assert.True(tags.Add((await AskAsync(context)).ETag));
        (await Api.PatchAsync($"placements/{other}", """{"fallback":"another"}""")).Expect(200);
        Assert.True(tags.Add((await AskAsync(context)).ETag));
        await Api.MakePlacementAsync();
        Assert.True(tags.Add((await AskAsync(context)).ETag));
        await Api.MakeSegmentAsync(RuleJson.Everyone);
        Assert.True(tags.Add((await AskAsync(context)).ETag));
    }

    [Fact]
    public async Task IfNoneMatch_InEveryForm_Is304WithTheETagAndNothingElse()
    {
        await Api.MakePlacementAsync();
        var tag = (await AskAsync("""{"targetingKey":"v"}""")).ETag!;
        foreach (var sent in new[] { tag, $"W/{tag}", $"\"x\", {tag}", $"\"x\",W/{tag} ,\"y\"", "*" })
        {
            var answer = await AskAsync("""{"targetingKey":"v"}""", 304, ("If-None-Match", sent));
            Assert.Equal((tag, ""), (answer.ETag, answer.Body));
            Assert.Null(answer.ContentType);
        }

        foreach (var sent in new[] { "\"x\"", tag.Trim('"'), "W/\"x\"", "" })
        {
            Assert.Equal(tag, (await AskAsync("""{"targetingKey":"v"}""", 200, ("If-None-Match", sent))).ETag);
        }

        var query = "?flagConfigEtag=%22x%22&flagConfigLastModified=1771622898";
        Assert.Equal(tag, (await Api.PostAsync(Flags + query, """{"context":{"targetingKey":"v"}}""")).Expect(200).ETag);
    }

    [Fact]
    public async Task Pages_OfCorsOrigins_MayAskAndRevalidate()
    {
        using var ask = new HttpRequestMessage(HttpMethod.Options, Flags);
        ask.Headers.Add("Origin", "https://app.example");
        ask.Headers.Add("Access-Control-Request-Method", "POST");
        ask.Headers.Add("Access-Control-Request-Headers", "authorization,content-type,if-none-match");
        using var allowed = await Api.Client.SendAsync(ask);
        Assert.Equal("https://app.example", allowed.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Contains("if-none-match", allowed.Headers.GetValues("Access-Control-Allow-Headers").Single(), StringComparison.Ordinal);
        var answer = await AskAsync("""{"targetingKey":"v"}""", 304, ("Origin", "https://app.example"), ("If-None-Match", "*"));
        Assert.Equal("https://app.example", answer.Message.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Contains("ETag", answer.Message.Headers.GetValues("Access-Control-Expose-Headers").Single(), StringComparison.Ordinal);
        await AskAsync("""{"targetingKey":"v"}""", 403, ("Origin", "https://evil.example"));
    }

    private static string With(string context, string members) => "{" + members + "," + context[1..];

    private async Task<Answer> AskAsync(string context, int status = 200, params (string, string)[] headers) =>
        (await Api.PostAsync(Flags, $"{{\"context\":{context}}}", headers)).Expect(status);
}
