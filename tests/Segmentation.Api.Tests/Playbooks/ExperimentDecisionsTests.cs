using System.Text.Json;
using Npgsql;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>Decisions with holdouts, experiments, caps and what is kept: each outcome, and the preview's counts by the hash.</summary>
public sealed class ExperimentDecisionsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Experiment_EachVariant_ShowsItsContent_AndTheWinnerAfterIt()
    {
        var placement = await Api.MakePlacementAsync("string", "\"fallback\"");
        var experiment = await MakeExperimentAsync("\"coverage\":0.8");
        var playbook = await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","experiment":"{{experiment}}","contents":{"off":null,"on":"shown"} }""");
        Assert.Equal(("fallback", "noMatch", "experimentNotRunning"), await DecideAsync(placement, "v-1"));
        (await Api.PostAsync($"experiments/{experiment}/start", "{}")).Expect(200);
        var seen = new HashSet<string?>();
        foreach (var (unit, variant) in await AssignAsync(experiment, 40))
        {
            var expected = variant switch
            {
                "on" => ("play", "experiment", "won"),
                "off" => ("fallback", "noMatch", "variantShowsNothing"),
                _ => ("fallback", "noMatch", "notEnrolled"),
            };
            Assert.Equal(expected, await DecideAsync(placement, unit));
            var decision = (await AskAsync(placement, unit))["decisions"][0];
            string[] exposures =
            [
                .. variant is null ? Array.Empty<string>() : [$"experiment:{experiment}@1={variant}"],
                .. variant == "on" ? [$"play:{placement}/{playbook}@1/a"] : Array.Empty<string>(),
            ];
            Assert.Equal(exposures, decision.GetProperty("exposures").EnumerateArray().Select(e => e.GetString()));
            seen.Add(variant);
        }

        Assert.Equal(3, seen.Count);
        foreach (var change in new[]
        {
            $$"""{"plays":[{"key":"a","placement":"{{placement}}","experiment":"{{experiment}}","contents":{"off":null,"on":"b"} }]}""",
            $$"""{"plays":[{"key":"a","placement":"{{placement}}","content":"b"}]}""",
        })
        {
            (await Api.PatchAsync($"playbooks/{playbook}", change)).Expect(409);
        }

        (await Api.PatchAsync($"playbooks/{playbook}", """{"name":"Another"}""")).Expect(200);
        (await Api.PostAsync($"experiments/{experiment}/stop", """{"winner":"on"}""")).Expect(200);
        Assert.Equal(("play", "matched", "won"), await DecideAsync(placement, "v-1"));
        Assert.Contains(playbook, (await Api.DeleteAsync($"experiments/{experiment}")).Expect(409)["title"].GetString());
        (await Api.DeleteAsync($"playbooks/{playbook}")).Expect(204);
        (await Api.DeleteAsync($"experiments/{experiment}")).Expect(204);
    }

    [Fact]
    public async Task Holdout_ItsFirstVariant_GoesOnAsIfThePlaybookWereNotThere_AndThePreviewCountsTheSame()
    {
        var placement = await Api.MakePlacementAsync("string", "\"fallback\"");
        var holdout = await MakeExperimentAsync("\"unit\":\"customer\"");
        var playbook = await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","content":"shown"}""", $"\"holdout\":\"{holdout}\",\"priority\":900");
        var other = await Api.MakePlaybookAsync($$"""{"key":"b","placement":"{{placement}}","content":"other"}""");
        Assert.Equal(("play", "matched", "won"), await DecideAsync(placement, "v-1"));
        (await Api.PostAsync($"experiments/{holdout}/start", "{}")).Expect(200);

        // A visitor without a customer's id is no unit of it.
        Assert.Equal("a", (await AskAsync(placement, "v-1"))["decisions"][0].GetProperty("play").GetString());
        var counts = new Dictionary<string, int> { ["a"] = 0, ["b"] = 0 };
        foreach (var (unit, variant) in await AssignAsync(holdout, 40))
        {
            (await Api.PutAsync($"customers/{unit}", "{}")).Expect(201);
            var question = $$"""{"customerId":"{{unit}}","placements":["{{placement}}"],"explain":true}""";
            var decision = (await Api.PostAsync("decisions", question)).Expect(200)["decisions"][0];
            var play = variant == "off" ? "b" : "a";
            counts[play]++;
            Assert.Equal(play, decision.GetProperty("play").GetString());
            Assert.Equal(
                $"experiment:{holdout}@1={variant}", decision.GetProperty("exposures").EnumerateArray().First().GetString());
            Assert.Equal(
                variant == "off" ? "heldOut" : "won", decision.GetProperty("considered")[0].GetProperty("outcome").GetString());
        }

        var preview = (await Api.PostAsync("playbooks/preview", $$"""{"key":"{{playbook}}"}""")).Expect(200);
        Assert.Equal(
            [(playbook, counts["a"]), (other, counts["b"])],
            preview["placements"][0].GetProperty("plays").EnumerateArray()
                .Select(p => (p.GetProperty("playbook").GetString()!, p.GetProperty("count").GetInt32())));
        Assert.Equal(40, preview["total"].GetInt32());
    }

    [Fact]
    public async Task CapsAndKeep_CountImpressionsOfThisVisitorOrCustomer()
    {
        var placement = await Api.MakePlacementAsync("string", "\"fallback\"");
        const string caps = """[{"max":2,"per":{"amount":1,"unit":"day"}},{"max":1,"per":"visit"}]""";
        var capped = await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","content":"capped","caps":{{caps}}}""", "\"priority\":900");
        var now = DateTimeOffset.UtcNow;
        Assert.Equal(("play", "matched", "won"), await DecideAsync(placement, "v-1", "s-1"));
        await SeeAsync("v-1", null, "s-1", now.AddHours(-1), placement, capped, "a");
        Assert.Equal(("fallback", "noMatch", "capped"), await DecideAsync(placement, "v-1", "s-1"));
        Assert.Equal(("play", "matched", "won"), await DecideAsync(placement, "v-1", "s-2"));
        await SeeAsync("v-1", null, "s-0", now.AddHours(-25), placement, capped, "a");
        Assert.Equal(("play", "matched", "won"), await DecideAsync(placement, "v-1"));
        await SeeAsync("v-2", "v-1", "s-2", now.AddHours(-2), placement, capped, "a");
        Assert.Equal(("play", "matched", "won"), await DecideAsync(placement, "v-1"));
        var asCustomer = $$"""{"visitorId":"v-1","customerId":"v-1","placements":["{{placement}}"],"explain":true}""";
        var decision = (await Api.PostAsync("decisions", asCustomer)).Expect(200)["decisions"][0];
        Assert.Equal(
            [2, 0],
            decision.GetProperty("considered")[0].GetProperty("caps").EnumerateArray().Select(c => c.GetProperty("count").GetInt32()));
        Assert.Equal("fallback", decision.GetProperty("source").GetString());

        // Kept, whatever caps and context say meanwhile; not without the consent.
        const string never = """{"combinator":"and","rules":[{"field":"context.hour","operator":">","value":23}]}""";
        var keeping = await Api.MakePlaybookAsync(
            $$"""{"key":"k","placement":"{{placement}}","content":"kept","when":{{never}}}""",
            "\"keep\":\"visit\",\"requiresConsent\":\"ads\"");
        await SeeAsync("v-3", null, "s-9", now.AddHours(-1), placement, keeping, "k");
        foreach (var (visit, consent, expected) in new[]
        {
            ("s-9", "true", ("kept", "kept")), ("s-9", "false", ("capped", "matched")), ("s-8", "true", ("capped", "matched")),
        })
        {
            var question = $$"""
                {"visitorId":"v-3","placements":["{{placement}}"],"context":{"visit":{"id":"{{visit}}"} },"consents":{"ads":{{consent}}} }
                """;
            var kept = (await Api.PostAsync("decisions", question)).Expect(200)["decisions"][0];
            Assert.Equal(expected, (kept.GetProperty("content").GetString()!, kept.GetProperty("reason").GetString()!));
        }
    }

    [Fact]
    public async Task Unit_ThatWasShownAVariant_KeepsIt_WhenTheCoverageHasBecomeSmaller()
    {
        var (placement, experiment) = (await Api.MakePlacementAsync("string"), await MakeExperimentAsync("\"coverage\":1"));
        await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","experiment":"{{experiment}}","contents":{"off":"off","on":"on"} }""");
        (await Api.PostAsync($"experiments/{experiment}/start", "{}")).Expect(200);
        var (unit, variant) = (await AssignAsync(experiment, 1))[0];
        (await Api.PatchAsync($"experiments/{experiment}", """{"coverage":0.0001}""")).Expect(200);
        Assert.Equal("none", (await AskAsync(placement, unit))["decisions"][0].GetProperty("source").GetString());
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(
            $"""
            INSERT INTO experiment_units (unit, experiment_id, run, variant, at, visitor_id)
            SELECT '{unit}', id, 1, '{variant}', now(), '{unit}' FROM experiments WHERE key = '{experiment}'
            """);
        await command.ExecuteNonQueryAsync();
        Assert.Equal(variant, (await AskAsync(placement, unit))["decisions"][0].GetProperty("content").GetString());
    }

    [Theory]
    [InlineData("""{"holdout":"THREE"}""", "/holdout")]
    [InlineData("""{"plays":[{"key":"a","placement":"PLACE","experiment":"THREE","contents":{"a":{},"b":{}}}]}""", "/plays/0/contents")]
    [InlineData(
        """{"plays":[{"key":"a","placement":"PLACE","experiment":"THREE","contents":{"a":{},"b":{},"c":[]}}]}""",
        "/plays/0/contents/c")]
    public async Task Playbook_ThatDoesNotFitItsExperiment_Is400AtItsPlace(string body, string pointer)
    {
        var placement = await Api.MakePlacementAsync();
        var three = $"e{SegmentApi.NextNumber()}";
        (await Api.PutAsync(
            $"experiments/{three}",
            """{"variants":[{"key":"a","weight":1},{"key":"b","weight":1},{"key":"c","weight":1}]}""")).Expect(201);
        body = body.Replace("PLACE", placement, StringComparison.Ordinal).Replace("THREE", three, StringComparison.Ordinal);
        var faults = (await Api.PutAsync("playbooks/unfit", body)).Expect(400).Faults;
        Assert.Equal(pointer, faults.Distinct().First());
    }

    private async Task<string> MakeExperimentAsync(string more)
    {
        var key = $"e{SegmentApi.NextNumber()}";
        (await Api.PutAsync(
            $"experiments/{key}", $$"""{"variants":[{"key":"off","weight":1},{"key":"on","weight":1}],{{more}}}""")).Expect(201);
        return key;
    }

    private async Task<IReadOnlyList<(string Unit, string? Variant)>> AssignAsync(string experiment, int count)
    {
        var units = Enumerable.Range(0, count).Select(i => $"u-{experiment}-{i}").ToArray();
        var answer = (await Api.PostAsync($"experiments/{experiment}/assignments", JsonSerializer.Serialize(new { units }))).Expect(200);
        return
        [
            .. answer["items"].EnumerateArray().Select(i => (
                i.GetProperty("unit").GetString()!,
                i.TryGetProperty("variant", out var variant) && variant.ValueKind == JsonValueKind.String ? variant.GetString() : null)),
        ];
    }

    private async Task SeeAsync(
        string visitor, string? customer, string visit, DateTimeOffset at, string placement, string playbook, string play)
    {
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(
            """
            INSERT INTO impressions (visitor_id, customer_id, visit_id, at, placement, playbook, version, play)
            VALUES ($1, $2, $3, $4, $5, $6, 1, $7)
            """);
        foreach (var value in new object?[] { visitor, customer, visit, at, placement, playbook, play })
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
        }

        await command.ExecuteNonQueryAsync();
    }

    private async Task<Answer> AskAsync(string placement, string visitor, string? visit = null)
    {
        var context = visit is null ? "{}" : $$"""{"visit":{"id":"{{visit}}"} }""";
        var question = $$"""{"visitorId":"{{visitor}}","placements":["{{placement}}"],"context":{{context}},"explain":true}""";
        return (await Api.PostAsync("decisions", question)).Expect(200);
    }

    private async Task<(string?, string?, string?)> DecideAsync(string placement, string visitor, string? visit = null)
    {
        var decision = (await AskAsync(placement, visitor, visit))["decisions"][0];
        return (decision.GetProperty("source").GetString(), decision.GetProperty("reason").GetString(),
            decision.GetProperty("considered")[0].GetProperty("outcome").GetString());
    }
}
