using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Predictions;

namespace Segmentation.Api.Tests.Access;

/// <summary>What models learn of sensitive fields, before callers with every scope but <c>privacy</c>: customers of whom those who are ill
/// and old order more.</summary>
public sealed class SensitivePropensityTests(AccessWorld world) : IClassFixture<AccessWorld>
{
    private const int Customers = 900, Days = 60, Within = 14;
    private const string Field = "predicted.propensity.", Hidden = "\"***\"";
    private const string Goal = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}""";

    private static readonly string[] models = ["ill", "plain"];

    [Fact]
    public async Task Propensity_OfASensitiveField_IsMaskedWhereverItShows_UntilNothingInForceHasReadIt()
    {
        var database = await world.CreateDatabaseAsync();
        string everything, few;
        await using (var server = new ApiFixture.Server(database))
        {
            (everything, few) = await AddKeysAsync(server);
            var (all, rest) = (new Caller(server.Api, everything), new Caller(server.Api, few));
            await LoadAsync(all);
            await all.PutAsync("models/ill", Settings("Orders", "\"attributes.illness\""), 201);
            await all.PutAsync("models/plain", Settings("Orders too", ""), 201);
            Assert.Equal(403, (await rest.SendAsync("POST", "segments/preview", Likely("ill"))).Status);
            foreach (var model in models)
            {
                var fit = await all.PostAsync($"models/{model}/fit?wait=60", "{}", 201);
                Assert.True(fit.GetProperty("status").ValueEquals("succeeded"), fit.GetRawText());
                await all.PutAsync($"segments/by-{model}", Likely(model), 201);
            }

            // It has learned of it, or nothing below is a proof.
            Assert.Contains("markergout", (await all.GetAsync("models/ill")).GetRawText(), StringComparison.Ordinal);
            var plain = (await all.GetAsync("models/plain")).GetRawText();
            Assert.Contains("\"age\"", plain, StringComparison.Ordinal);
            Assert.Contains("female", plain, StringComparison.Ordinal);
            await WaitForScoreAsync(all, "ill");
            await WaitForScoreAsync(all, "plain");
            await CheckAsync(all, "ill", isHidden: false);
            await CheckAsync(rest, "ill", isHidden: true);
            await CheckAsync(rest, "plain", isHidden: false);
            Assert.Equal(1, await CountReadsAsync(all, () => all.GetAsync("customers/c-1/predictions")));
            Assert.Equal(0, await CountReadsAsync(all, () => rest.GetAsync("customers/c-1/predictions")));

            // Nobody can tell by it who has a score: one of whom nothing is told looks alike.
            await all.PutAsync("customers/nobody", "{}", 201);
            Assert.Equal(
                PredictionOf(await rest.GetAsync("customers/c-1/predictions"), "ill")?.GetRawText(),
                PredictionOf(await rest.GetAsync("customers/nobody/predictions"), "ill")?.GetRawText());
            Assert.Equal(Hidden, ScoreOf(await rest.GetAsync("customers/nobody"), "ill").GetRawText());

            // Without it nothing would say what the scores are of that are still there.
            Assert.Equal(403, (await rest.SendAsync("DELETE", "models/ill", null)).Status);

            // Who can't name it may have it fitted anew, and sees nothing of that; nor does that one take it away.
            Assert.Equal(Hidden, (await rest.PostAsync("models/ill/fit?wait=60", "{}", 201)).GetProperty("result").GetRawText());
            await rest.PutAsync("models/ill", Settings("Orders", ""), 403);

            // Settings that name it no more: what is in force has learned of it still.
            await all.PutAsync("models/ill", Settings("Orders", ""), 200);
            var put = await rest.PutAsync("models/ill", Settings("Orders", ""), 200);
            Assert.Equal(Hidden, put.GetProperty("parameters").GetRawText());
            await CheckAsync(rest, "ill", isHidden: true);

            // Fitted without it, and everybody scored by that, scores are shown; the version before stays hidden.
            Assert.NotEqual(
                Hidden, (await rest.PostAsync("models/ill/fit?wait=60", "{}", 201)).GetProperty("result").GetRawText());
            await WaitForScoreAsync(rest, "ill");
            var versions = (await rest.GetAsync("models/ill/versions")).GetProperty("items");
            Assert.Equal(
                (JsonValueKind.Object, Hidden),
                (versions[0].GetProperty("parameters").ValueKind, versions[1].GetProperty("parameters").GetRawText()));
            Assert.Equal(Hidden, versions[1].GetProperty("report").GetRawText());
            var fits = (await rest.GetAsync("analyses?type=fit")).GetProperty("items").EnumerateArray()
                .Where(a => a.GetProperty("request").GetProperty("model").ValueEquals("ill"));
            Assert.Equal(
                [JsonValueKind.Object, JsonValueKind.String, JsonValueKind.String], fits.Select(f => f.GetProperty("result").ValueKind));

            // To put the old one in force again is to name what it reads.
            await rest.PostAsync("models/ill/versions/1/restore", "", 403);
            await rest.PostAsync("models/ill/versions/3/restore", "", 200);
            await all.PutAsync("attributes/illness", """{"type":"text","kind":"value"}""", 200);
        }

        // Scores of two versions may be there: of the one in force, and of the one by which everybody was scored last.
        Assert.False(await ReadsIllnessAsync(database, inForce: 3, scoredBy: 3));
        Assert.True(await ReadsIllnessAsync(database, inForce: 1, scoredBy: 3));
        Assert.True(await ReadsIllnessAsync(database, inForce: 3, scoredBy: 1));

        // Where a birth date is sensitive, what was learned of the age before is as well, whose name is a short one.
        await using var later = new ApiFixture.Server(database, [("Privacy:SensitiveFields", "demographic.birthDate,demographic.gender")]);
        await CheckAsync(new Caller(later.Api, everything), "plain", isHidden: false);
        await CheckAsync(new Caller(later.Api, few), "plain", isHidden: true);

        // Fitted since, it has learned of neither.
        var since = (await new Caller(later.Api, few).PostAsync("models/plain/fit?wait=60", "{}", 201)).GetProperty("result");
        Assert.Equal(JsonValueKind.Object, since.GetProperty("parameters").ValueKind);
        Assert.DoesNotMatch("\"age\"|female", since.GetRawText());
    }

    private static async Task<bool> ReadsIllnessAsync(string database, int inForce, int scoredBy)
    {
        await using var db = new SegmentationDb(
            new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(database).ConfigureWarnings(TestDatabase.ManyHosts).Options);
        var versions = db.ModelVersions.Where(v => v.ModelKey == "ill");
        await versions.ExecuteUpdateAsync(v => v.SetProperty(m => m.InForce, false));
        await versions.Where(v => v.Version == inForce).ExecuteUpdateAsync(v => v.SetProperty(m => m.InForce, true));
        await db.ScoringStates.ExecuteUpdateAsync(s => s.SetProperty(m => m.Models, $"ill {scoredBy} 2026-11-01"));
        return (await new ScoreSources().ListFieldsAsync(db, default))["ill"].Contains("attributes.illness");
    }

    // All places in which a model shows.
    private static async Task CheckAsync(Caller caller, string key, bool isHidden)
    {
        var model = await caller.GetAsync($"models/{key}");
        var listed = (await caller.GetAsync("models")).GetProperty("items").EnumerateArray()
            .Single(m => m.GetProperty("key").ValueEquals(key));
        var version = (await caller.GetAsync($"models/{key}/versions")).GetProperty("items")[0];
        foreach (var shown in new[] { model, listed, version })
        {
            Assert.Equal(isHidden, shown.GetProperty("parameters").GetRawText() == Hidden);
            Assert.Equal(isHidden, shown.GetProperty("report").GetRawText() == Hidden);
        }

        var analysis = (await caller.GetAsync("analyses?type=fit")).GetProperty("items").EnumerateArray()
            .First(a => a.GetProperty("request").GetProperty("model").ValueEquals(key));
        var one = await caller.GetAsync($"analyses/{analysis.GetProperty("id").GetString()}");
        Assert.Equal(isHidden, analysis.GetProperty("result").GetRawText() == Hidden);
        Assert.Equal(isHidden, one.GetProperty("result").GetRawText() == Hidden);

        var score = ScoreOf(await caller.GetAsync("customers/c-1"), key);
        var prediction = PredictionOf(await caller.GetAsync("customers/c-1/predictions"), key)!.Value;
        Assert.Equal(isHidden ? JsonValueKind.String : JsonValueKind.Number, score.ValueKind);
        Assert.Equal(score.GetRawText(), prediction.GetProperty("value").GetRawText());
        Assert.Equal(isHidden, prediction.GetProperty("text").ValueEquals("***"));
        Assert.Equal(!isHidden, prediction.TryGetProperty("reasons", out _));

        var explained = await caller.GetAsync($"segments/by-{key}/explain/c-1");
        var rule = explained.GetProperty("rule").GetProperty("rules")[0];
        Assert.Equal(isHidden, rule.GetProperty("actual").GetRawText() == Hidden);
        Assert.Equal(isHidden, rule.GetProperty("matched").ValueKind == JsonValueKind.Null);

        // Its own answers alone tell what the field is about.
        Assert.Equal(!isHidden && key == "ill", new[] { model, version, one }.Any(
            a => a.GetRawText().Contains("markergout", StringComparison.Ordinal)));
        Assert.Equal(
            isHidden ? 403 : 200,
            (await caller.SendAsync("POST", "segments/preview", Likely(key))).Status);
    }

    private static JsonElement ScoreOf(JsonElement customer, string key) =>
        customer.GetProperty("predicted").GetProperty("propensity").GetProperty(key);

    private static JsonElement? PredictionOf(JsonElement predictions, string key) =>
        predictions.GetProperty("items").EnumerateArray().Where(i => i.GetProperty("field").ValueEquals(Field + key))
            .Select(i => (JsonElement?)i).SingleOrDefault();

    private static Task WaitForScoreAsync(Caller caller, string key) => Wait.UntilAsync(
        async () => PredictionOf(await caller.GetAsync("customers/c-1/predictions"), key) is { } found
            && found.GetProperty("value").ValueKind == JsonValueKind.Number,
        $"{key} is scored, and shown");

    private static async Task<int> CountReadsAsync(Caller all, Func<Task> read)
    {
        var before = await CountAsync();
        await read();
        return await CountAsync() - before;

        async Task<int> CountAsync() =>
            (await all.GetAsync("audit?limit=1000&action=sensitive.read")).GetProperty("items").GetArrayLength();
    }

    private static string Settings(string name, string features) => $$"""
        {"type":"propensity","name":"{{name}}","goal":{{Goal}},"withinDays":{{Within}},"features":[{{features}}]}
        """;

    private static string Likely(string model) =>
        $$$"""{"rule":{"combinator":"and","rules":[{"field":"{{{Field}}}{{{model}}}","operator":">=","value":0.3}]}}""";

    // Every second customer is ill and old. Who orders is drawn for each day.
    private static async Task LoadAsync(Caller all)
    {
        await all.PutAsync("attributes/illness", """{"type":"text","kind":"value","sensitive":true}""", 201);
        var (random, now, id) = (new Random(7), DateTimeOffset.UtcNow, 0);
        var customers = Enumerable.Range(0, Customers)
            .Select(i => IsIll(i) ? (i, Born: 1950, Illness: "markergout") : (i, Born: 1990, Illness: "none"))
            .Select(c => $$$"""{"id":"c-{{{c.i}}}","signedUpAt":"{{{now.AddDays(-Days - 30):O}}}","""
                + $$$""" "demographic":{"birthDate":"{{{c.Born}}}-01-01","gender":"{{{(c.i % 3 == 0 ? "female" : "male")}}}"},"""
                + $$$""" "attributes":{"illness":"{{{c.Illness}}}"}}""");
        Assert.Equal(200, (await all.SendAsync(
            "POST", "customers/import", string.Join('\n', customers), "application/x-ndjson")).Status);
        List<string> events = [];
        for (var i = 0; i < Customers; i++)
        {
            for (var day = Days; day > 0; day--)
            {
                if (random.NextDouble() < (IsIll(i) ? 0.09 : 0.012))
                {
                    events.Add($$"""
                        {"id":"e{{id++}}","customerId":"c-{{i}}","type":"order_completed","occurredAt":"{{now.AddDays(-day):O}}"}
                        """);
                }
            }
        }

        foreach (var part in events.Chunk(5000))
        {
            await all.PostAsync("events", $"[{string.Join(',', part)}]", 200);
        }

        bool IsIll(int customer) => customer % 2 == 1;
    }

    private static async Task<(string Everything, string Few)> AddKeysAsync(ApiFixture.Server server)
    {
        await using var scope = server.Services.CreateAsyncScope();
        return (
            await AccessKeys.AddAsync(scope.ServiceProvider, "everything00", [.. Scopes.OfKeys]),
            await AccessKeys.AddAsync(scope.ServiceProvider, "butprivacy00", [.. Scopes.OfKeys.Where(s => s != Scopes.Privacy)]));
    }

    private sealed record Caller(Api Api, string Key)
    {
        public async Task<JsonElement> GetAsync(string path) => (await SendAsync("GET", path, null)).Expect(200).Json;

        public async Task<JsonElement> PutAsync(string path, string body, int status) =>
            (await SendAsync("PUT", path, body)).Expect(status).Json;

        public async Task<JsonElement> PostAsync(string path, string body, int status) =>
            (await SendAsync("POST", path, body)).Expect(status).Json;

        public Task<Answer> SendAsync(string method, string path, string? body, string type = "application/json") =>
            Api.SendAsync(method, path, body, type, AccessWorld.With(Key));
    }
}
