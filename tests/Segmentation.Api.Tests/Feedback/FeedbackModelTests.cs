using System.Text.Json;
using Segmentation.Models.Feedback;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Feedback;

/// <summary>The model of texts over HTTP, held against the library on the same texts.</summary>
public sealed class FeedbackModelTests : IAsyncLifetime
{
    private const string Path = "models/feedback";

    private static readonly DateTimeOffset now = DateTimeOffset.UtcNow;

    private readonly ApiFixture fixture = new();
    private int sent;

    private Api Api => fixture.Api;

    public Task InitializeAsync() => fixture.InitializeAsync();

    public Task DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task Fit_TeachesAnyLanguage_AndSentimentsAndMembershipFollow()
    {
        var none = (await Api.GetAsync(Path)).Expect(200);
        Assert.Equal(("none", JsonValueKind.Null), (none["status"].GetString(), none["version"].ValueKind));
        Assert.Equal("no-version", none["warnings"][0].GetProperty("code").GetString());

        // What can't be told yet, in three languages; what a list of words tells; and what a score does.
        (string Id, string Properties)[] said =
        [
            .. RatedTexts.Languages.SelectMany((l, i) => new[]
            {
                ($"good-{i}", $$"""{"text":"{{l.Neutral[0]}} {{l.Good[0]}}"}"""),
                ($"bad-{i}", $$"""{"text":"{{l.Neutral[0]}} {{l.Bad[0]}}"}"""),
            }),
            ("english", """{"text":"It is good, die Lieferung ist kaputt and mangelhaft"}"""), ("scored", """{"nps":10,"text":"kaputt"}"""),
            ("silent", """{"text":"42 !!"}"""),
        ];
        foreach (var (id, properties) in said)
        {
            await SayAsync(id, now.AddDays(-1), properties);
        }

        Assert.Equal([null, null, "words", "score"], await ReadSourcesAsync("good-0", "bad-0", "english", "scored"));
        (await Api.PutAsync("segments/unhappy", Body(All(Is("psychographic.sentiment", "<", "0"))))).Expect(201);
        (await Api.PutAsync("segments/told", Body(All($$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"some"},
            "value":{{All(Is("sentimentSource", "=", "\"model\""), Is("sentiment", "<", "0"))}} }
            """)))).Expect(201);
        var problem = (await FitAsync("failed"))["problem"];
        Assert.EndsWith("/too-few-data", problem.GetProperty("type").GetString());
        Assert.Equal("""{"ratedTexts":1000,"positiveTexts":200,"negativeTexts":200}""", problem.GetProperty("needed").GetRawText());
        Assert.Equal("""{"ratedTexts":1,"positiveTexts":1,"negativeTexts":0}""", problem.GetProperty("found").GetRawText());

        var first = RatedTexts.Make(1250, seed: 1).ToList();
        await RateAsync(first, daysAgo: 300);
        await FitAsync("succeeded");
        var training = SentimentTraining.Run([.. first, new("kaputt", true)]);
        var model = (await Api.GetAsync(Path)).Expect(200);
        Assert.Equal(("ready", 1), (model["status"].GetString(), model["version"].GetInt32()));
        var (data, report) = (model["data"], model["report"]);
        Assert.Equal(
            (1251, first.Count(t => t.IsPositive) + 1, 101),
            (data.GetProperty("texts").GetInt32(), data.GetProperty("positive").GetInt32(), data.GetProperty("customers").GetInt32()));
        Assert.Equal(250, report.GetProperty("texts").GetInt32());
        Assert.Equal(training.Auc!.Value.Value, report.GetProperty("auc").GetDouble(), 1e-9);
        Assert.Equal(training.Auc.Value.Interval.Low, report.GetProperty("aucInterval")[0].GetDouble(), 1e-9);
        Assert.Equal(training.Accuracy, report.GetProperty("accuracy").GetDouble(), 1e-9);
        Assert.Equal(training.BaseAccuracy, report.GetProperty("baseAccuracy").GetDouble(), 1e-9);
        Assert.Equal("crowds", Assert.Single(model["warnings"].EnumerateArray()).GetProperty("code").GetString());
        Assert.True(model.Body.Length < 5000);

        // Stored texts follow, and membership follows them; a score stays what it was.
        await FollowAsync(training.Model, said);
        Assert.Equal(["model", "model", "model", "score", null], await ReadSourcesAsync("good-0", "bad-0", "english", "scored", "silent"));
        Assert.Equal(1, await ReadSentimentAsync("scored"));
        await MembersAreAsync("told", "bad-0", "bad-1", "bad-2", "english");
        var changes = (await Api.GetAsync("customers/bad-2/changes")).Expect(200)["items"].EnumerateArray().ToList();
        Assert.Equal(["told", "unhappy"], changes.Select(c => c.GetProperty("segment").GetString()!).Order(StringComparer.Ordinal));
        Assert.All(changes, c => Assert.Equal("score", c.GetProperty("cause").GetString()));

        // New ones are told at once.
        await SayAsync("new", now, """{"text":"die Lieferung ist kaputt"}""");
        Assert.Equal(["model"], await ReadSourcesAsync("new"));
        Assert.Equal(training.Model.Score("die Lieferung ist kaputt"), await ReadSentimentAsync("new"));

        // Who means the opposite teaches the opposite, and what was before can be had again.
        await RateAsync([.. RatedTexts.Make(4000, seed: 2).Select(t => t with { IsPositive = !t.IsPositive })], daysAgo: 200);
        await FitAsync("succeeded");
        await Wait.UntilAsync(async () => await ReadSentimentAsync("bad-0") > 0, "texts follow the second version");
        await MembersAreAsync("told", "good-0", "good-1", "good-2");
        (await Api.PostAsync($"{Path}/versions/1/restore", "")).Expect(200);
        await FollowAsync(training.Model, said);
        await MembersAreAsync("told", "bad-0", "bad-1", "bad-2", "english", "new");
        var versions = (await Api.GetAsync($"{Path}/versions")).Expect(200)["items"];
        Assert.Equal([2, 1], versions.EnumerateArray().Select(v => v.GetProperty("version").GetInt32()));

        // As of before there were enough.
        var earlier = (await Api.PostAsync($"{Path}/fit?wait=60", $$"""{"asOf":"{{now.AddDays(-310):yyyy-MM-dd}}"}""")).Expect(201);
        Assert.Equal(0, earlier["problem"].GetProperty("found").GetProperty("ratedTexts").GetInt32());
    }

    [Fact]
    public async Task Fit_OnScoresThatTextsDoNotTell_HasNoSkill()
    {
        var random = new Random(3);
        await RateAsync([.. RatedTexts.Make(1500, seed: 4).Select(t => t with { IsPositive = random.Next(2) == 0 })], daysAgo: 90);
        var failed = await FitAsync("failed");
        Assert.EndsWith("/no-skill", failed["problem"].GetProperty("type").GetString());
        Assert.Equal("failed", (await Api.GetAsync(Path)).Expect(200)["status"].GetString());
    }

    [Theory]
    [InlineData("PUT", Path, """{"refitDays":30}""", 200, "")]
    [InlineData("PUT", Path, """{"type":"feedback"}""", 200, "")]
    [InlineData("PUT", Path, """{"refitDays":0}""", 400, "/refitDays")]
    [InlineData("PUT", Path, """{"churnDays":30}""", 400, "/churnDays")]
    [InlineData("PUT", Path, """{"type":"lifetimeValue"}""", 400, "/type")]
    [InlineData("PUT", "models/mine", """{"type":"feedback"}""", 400, "/type")]
    [InlineData("DELETE", Path, null, 409, "")]
    [InlineData("POST", $"{Path}/fit", """{"asOf":"2999-01-01"}""", 400, "/asOf")]
    [InlineData("POST", $"{Path}/versions/1/restore", "", 404, "")]
    [InlineData("POST", $"{Path}/predict", """{"rows":[]}""", 404, "")]
    public async Task Request_IsTakenOrRefusedAtItsPlace(string method, string path, string? body, int status, string faults)
    {
        var answer = (await Api.SendAsync(method, path, body)).Expect(status);
        Assert.Equal(faults, string.Join(',', status == 400 ? answer.Faults : []));
    }

    private async Task<Answer> FitAsync(string status)
    {
        var made = (await Api.PostAsync($"{Path}/fit?wait=60", "{}")).Expect(201);
        Assert.True(made["status"].ValueEquals(status), made.Body);
        return made;
    }

    private async Task SayAsync(string customer, DateTimeOffset at, string properties) => (await Api.PostAsync(
        "events?createCustomers=true",
        $$"""{"customerId":"{{customer}}","type":"feedback","occurredAt":"{{at:O}}","properties":{{properties}}}""")).Expect(200);

    // One after the other, by a hundred customers.
    private async Task RateAsync(IReadOnlyList<RatedText> texts, int daysAgo)
    {
        foreach (var part in texts.Chunk(1000))
        {
            var events = part.Select(t => $$$"""
                {"id":"r{{{sent}}}","customerId":"w{{{sent % 100}}}","type":"feedback",
                "occurredAt":"{{{now.AddDays(-daysAgo).AddMinutes(sent++):O}}}",
                "properties":{"rating":{{{(t.IsPositive ? 4 : 2)}}},"text":"{{{t.Text}}}"}}
                """);
            (await Api.PostAsync("events?createCustomers=true", $"[{string.Join(',', events)}]")).Expect(200);
        }
    }

    private Task FollowAsync(SentimentModel model, IEnumerable<(string Id, string Properties)> said) => Wait.UntilAsync(
        async () =>
        {
            foreach (var (id, properties) in said.Where(s => s.Id != "scored"))
            {
                var text = JsonElement.Parse(properties).GetProperty("text").GetString()!;
                if (await ReadSentimentAsync(id) != model.Score(text) || await ReadMeanAsync(id) != model.Score(text))
                {
                    return false;
                }
            }

            return true;
        },
        "stored texts have the model's sentiments");

    private Task MembersAreAsync(string segment, params string[] ids) => Wait.UntilAsync(
        async () => (await Api.GetAsync($"segments/{segment}/members?fields=id&limit=1000")).Expect(200)["items"].EnumerateArray()
            .Select(i => i.GetProperty("id").GetString()!).Where(i => i[0] != 'w').Order(StringComparer.Ordinal)
            .SequenceEqual(ids.Order(StringComparer.Ordinal)),
        $"{segment} has {string.Join(", ", ids)}");

    private async Task<IEnumerable<string?>> ReadSourcesAsync(params string[] customers)
    {
        List<string?> sources = [];
        foreach (var customer in customers)
        {
            sources.Add((await ReadEventAsync(customer)).TryGetProperty("sentimentSource", out var source) ? source.GetString() : null);
        }

        return sources;
    }

    private async Task<decimal?> ReadSentimentAsync(string customer) =>
        (await ReadEventAsync(customer)).TryGetProperty("sentiment", out var sentiment) ? sentiment.GetDecimal() : null;

    private async Task<decimal?> ReadMeanAsync(string customer)
    {
        var felt = (await Api.GetAsync($"customers/{customer}")).Expect(200)["psychographic"];
        return felt.TryGetProperty("sentiment", out var sentiment) ? sentiment.GetDecimal() : null;
    }

    private async Task<JsonElement> ReadEventAsync(string customer) =>
        (await Api.GetAsync($"customers/{customer}/events")).Expect(200)["items"][0];
}
