using System.Text;
using Npgsql;
using Segmentation.Api.Tests.Experiments;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>What was seen, over HTTP: what is recorded once, each time, or not at all; and who decides after it.</summary>
public sealed class ExposureTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Split = """
        "variants":[{"key":"control","weight":1},{"key":"warm","weight":1}]
        """;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Impressions_AreCountedEachTime_AndOnceByTheirId()
    {
        var (_, play) = await MakePlayAsync("\"caps\":[{\"max\":9,\"per\":\"ever\"}]");
        var (one, other) = (NewId(), NewId());
        Assert.Equal((2, 0, 0), await Api.SeeAsync(one, [play, play]));
        Assert.Equal((1, 0, 0), await Api.SeeAsync(one, [play], id: "e-1"));
        Assert.Equal((0, 2, 0), await Api.SeeAsync(one, [play, play], id: "e-1"));
        Assert.Equal((1, 0, 0), await Api.SeeAsync(other, [play], id: "e-1"));
        Assert.Equal((2, 1, 0), await Api.SeeAsync(
            $"[{ExposureApi.Body(one, [play], id: "e-2")},{ExposureApi.Body(one, [play], id: "e-2")},{ExposureApi.Body(other, [play])}]"));
        Assert.Equal((4, 2), (await CountAsync(one), await CountAsync(other)));

        // The visitor's id is the customer's, where none was sent.
        var customer = NewId();
        Assert.Equal((1, 0, 0), await Api.SeeAsync(ExposureApi.Body(null, [play], customer: customer)));
        Assert.Equal(1, await CountAsync(customer));

        // A request that is sent again with its key is answered as it was, and records nothing.
        var body = ExposureApi.Body(one, [play]);
        var first = (await Api.PostAsync("exposures", body, ("Idempotency-Key", "seen"))).Expect(200);
        Assert.Equal(first.Body, (await Api.PostAsync("exposures", body, ("Idempotency-Key", "seen"))).Expect(200).Body);
        Assert.Equal(5, await CountAsync(one));
    }

    [Fact]
    public async Task Units_TheFirstExposureIsKept_WhateverTheOrder()
    {
        var experiment = await Api.MakeExperimentAsync(Split);
        var start = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.AddDays(-9).ToUnixTimeSeconds());
        (await Api.PostAsync($"experiments/{experiment}/start", $$"""{"at":"{{start:O}}"}""")).Expect(200);
        var random = new Random(3);
        var exposure = $"experiment:{experiment}@1=warm";
        foreach (var unit in await Api.FindUnitsAsync(experiment, "warm", 8))
        {
            DateTimeOffset[] times = [.. Enumerable.Range(0, 6).Select(_ => start.AddSeconds(random.Next(1, 700_000)))];
            var expected = 0;
            var least = DateTimeOffset.MaxValue;
            foreach (var at in times)
            {
                expected += at < least ? 1 : 0;
                least = at < least ? at : least;
            }

            var recorded = 0;
            foreach (var at in times)
            {
                var (added, duplicates, _) = await Api.SeeAsync(unit, [exposure], at);
                Assert.Equal(1, added + duplicates);
                recorded += added;
            }

            Assert.Equal(expected, recorded);
            Assert.Equal(1, await fixture.CountAsync(
                $"SELECT count(*) FROM experiment_units WHERE unit = '{unit}' AND variant = 'warm' AND at = '{least:O}'"));
        }
    }

    [Fact]
    public async Task WhatCannotHaveBeenSeen_IsRefusedByItself()
    {
        var (_, play) = await MakePlayAsync();
        var experiment = await Api.MakeExperimentAsync(Split);
        var unit = (await Api.FindUnitsAsync(experiment, "warm", 1))[0];
        string?[] exposures =
        [
            $"experiment:{experiment}@1=warm", $"experiment:{experiment}@1=control", $"experiment:{experiment}@2=warm",
            "experiment:none@1=warm", "play:no/such@1/play", play.Replace("@1", "@2", StringComparison.Ordinal),
            play.Replace("/a", "/b", StringComparison.Ordinal), "something", null, $"experiment:{experiment}@1=blue", play + " ",
        ];
        Assert.Equal((1, 0, 11), await Api.SeeAsync(unit, [play, .. exposures]));
        var start = DateTimeOffset.UtcNow.AddDays(-9);
        (await Api.PostAsync($"experiments/{experiment}/start", $$"""{"at":"{{start:O}}"}""")).Expect(200);
        var both = $"[{ExposureApi.Body(unit, [play])},{ExposureApi.Body(unit, exposures)}]";
        var answer = (await Api.PostAsync("exposures", both)).Expect(200);
        Assert.Equal((2, 10), (answer["recorded"].GetInt32(), answer["rejected"].GetInt32()));
        Assert.Equal(
            Enumerable.Range(1, 10).Select(i => $"/1/exposures/{i}").Order(StringComparer.Ordinal),
            answer["errors"].EnumerateArray().Select(e => e.GetProperty("pointer").GetString()!).Order(StringComparer.Ordinal));
        Assert.All(answer["errors"].EnumerateArray(), e => Assert.Equal(1, e.GetProperty("index").GetInt32()));
        var words = answer["errors"].EnumerateArray().ToDictionary(
            e => e.GetProperty("pointer").GetString()!, e => e.GetProperty("message").GetString()!);
        Assert.Contains("the split gives \"warm\"", words["/1/exposures/1"]);
        Assert.Contains("has no run 2 yet", words["/1/exposures/2"]);
        Assert.Contains("There is no experiment \"none\"", words["/1/exposures/3"]);

        // Its time: from the start of the run to a day after its end.
        string[] right = [$"experiment:{experiment}@1=warm"];
        Assert.Equal((0, 0, 1), await Api.SeeAsync(unit, right, start.AddSeconds(-1)));
        Assert.Equal((1, 0, 0), await Api.SeeAsync(unit, right, start));
        (await Api.PostAsync($"experiments/{experiment}/stop", "{}")).Expect(200);
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(
            $"""
            UPDATE experiment_runs SET stopped_at = now() - interval '3 days' FROM experiments
            WHERE id = experiment_id AND key = '{experiment}'
            """);
        await command.ExecuteNonQueryAsync();
        var late = (await Api.FindUnitsAsync(experiment, "warm", 2))[1];
        await Api.PatchAsync($"experiments/{experiment}", """{"name":"Read again"}""");
        Assert.Equal((0, 0, 1), await Api.SeeAsync(late, right));
        Assert.Equal((1, 0, 0), await Api.SeeAsync(late, right, DateTimeOffset.UtcNow.AddDays(-2.5)));

        // One that splits customers has to know whom.
        var customers = await Api.MakeExperimentAsync($"{Split},\"unit\":\"customer\"", start: true);
        var customer = (await Api.FindUnitsAsync(customers, "control", 1))[0];
        string[] control = [$"experiment:{customers}@1=control"];
        Assert.Equal((0, 0, 1), await Api.SeeAsync(customer, control));
        Assert.Equal((1, 0, 0), await Api.SeeAsync("any-browser", control, customer: customer));
    }

    [Theory]
    [InlineData("""{"exposures":["a"]}""", "/visitorId")]
    [InlineData("""{"visitorId":"a/b","customerId":"","exposures":["a"]}""", "/customerId", "/visitorId")]
    [InlineData("""{"visitorId":"v"}""", "/exposures")]
    [InlineData("""{"visitorId":"v","exposures":[]}""", "/exposures")]
    [InlineData("""{"visitorId":"v","visitId":"","id":"\t","exposures":["a"]}""", "/id", "/visitId")]
    [InlineData("""{"visitorId":"v","at":"9000-01-01T00:00:00Z","exposures":["a"]}""", "/at")]
    [InlineData("""{"visitorId":"v","exposures":"a"}""", "/exposures")]
    [InlineData("""{"visitorId":"v","exposures":[1]}""", "/exposures/0")]
    [InlineData("""{"visitorId":"v","exposures":["a"],"typo":1}""", "/typo")]
    [InlineData("null", "")]
    public async Task One_ThatIsWrongAsSuch_Is400(string body, params string[] pointers)
    {
        Assert.Equal(pointers, (await Api.PostAsync("exposures", body)).Expect(400).Faults);
        var answer = (await Api.PostAsync("exposures", $"[{body}]")).Expect(200);
        Assert.Equal((1, 1), (answer["received"].GetInt32(), answer["rejected"].GetInt32()));
        Assert.Contains(answer["errors"][0].GetProperty("pointer").GetString(), pointers.Select(p => $"/0{p}"));
    }

    [Fact]
    public async Task Lines_AndALongArray_AreTakenWhole()
    {
        var (_, play) = await MakePlayAsync();
        var visitors = Enumerable.Range(0, 6_000).Select(_ => NewId()).ToList();
        var lines = new StringBuilder();
        for (var i = 0; i < visitors.Count; i++)
        {
            lines.Append(i == 4321 ? "{\"visitorId\":1}" : ExposureApi.Body(visitors[i], [play, "nothing"], visit: "s")).Append('\n');
        }

        var answer = (await Api.SendAsync("POST", "exposures", lines.ToString(), "application/x-ndjson")).Expect(200);
        Assert.Equal(
            (11_999, 5_999, 6_000),
            (answer["received"].GetInt32(), answer["recorded"].GetInt32(), answer["rejected"].GetInt32()));
        Assert.Equal((1, "/exposures/1"), (
            answer["errors"][0].GetProperty("line").GetInt32(), answer["errors"][0].GetProperty("pointer").GetString()));

        // More than is held in memory: all of it in one transaction.
        var filler = Enumerable.Repeat<string?>("nothing", 30).Prepend(play).ToList();
        var array = $"[{string.Join(',', visitors.Take(5_000).Select((v, i) => ExposureApi.Body(v, filler, id: $"long-{i % 2_500}")))}]";
        Assert.True(array.Length > 1024 * 1024);
        Assert.Equal((5_000, 0, 150_000), await Api.SeeAsync(array));
        Assert.Equal((0, 5_000, 150_000), await Api.SeeAsync(array));
        (await Api.PostAsync("exposures", $"[{string.Join(',', Enumerable.Repeat("{}", 10_001))}]")).Expect(400);
        (await Api.SendAsync("POST", "exposures", "a,b", "text/csv")).Expect(415);
        Assert.Equal(0, await fixture.CountAsync("SELECT count(*) FROM customers WHERE id LIKE 'seen-%'"));
    }

    [Fact]
    public async Task Links_TheFirstStays_AndErasureReachesAllThatIsLinked()
    {
        var (_, play) = await MakePlayAsync();
        var experiment = await Api.MakeExperimentAsync(Split, start: true);
        var units = await Api.FindUnitsAsync(experiment, "warm", 3);
        var (customer, other) = (NewId(), NewId());
        (await Api.PutAsync($"customers/{customer}", "{}")).Expect(201);
        string[] seen = [play, $"experiment:{experiment}@1=warm"];
        foreach (var unit in units.Take(2))
        {
            Assert.Equal((2, 0, 0), await Api.SeeAsync(unit, seen, customer: customer, id: "first"));
        }

        Assert.Equal((1, 1, 0), await Api.SeeAsync(units[0], seen, customer: other));
        Assert.Equal((2, 0, 0), await Api.SeeAsync(units[2], seen, customer: other, id: "first"));
        Assert.Equal((0, 0, 1), await Api.SeeAsync("nobody-at-all", ["nothing"], customer: customer));
        Assert.Equal(0, await fixture.CountAsync("SELECT count(*) FROM visitor_links WHERE visitor_id = 'nobody-at-all'"));
        Assert.Equal(2, await fixture.CountAsync($"SELECT count(*) FROM visitor_links WHERE customer_id = '{customer}'"));

        // Of the visitors that are linked to it everything, whomever else they were seen with; nothing of others.
        (await Api.DeleteAsync($"customers/{customer}")).Expect(204);
        foreach (var unit in units.Take(2))
        {
            Assert.Equal(0, await HeldAsync(unit));
        }

        Assert.Equal(4, await HeldAsync(units[2]));
        (await Api.DeleteAsync($"visitors/{units[2]}")).Expect(204);
        Assert.Equal(0, await HeldAsync(units[2]));
        (await Api.DeleteAsync($"visitors/{units[2]}")).Expect(204);
        Assert.Equal((2, 0, 0), await Api.SeeAsync(units[2], seen, id: "first"));
    }

    [Fact]
    public async Task Record_StoresBeforeItAnswers_AndTheNextDecisionSeesIt()
    {
        var experiment = await Api.MakeExperimentAsync(Split, start: true);
        var placement = await Api.MakePlacementAsync("string");
        var playbook = await Api.MakePlaybookAsync(
            $$"""
            {"key":"a","placement":"{{placement}}","experiment":"{{experiment}}","contents":{"control":"c","warm":"w"},
             "caps":[{"max":2,"per":"visit"}]}
            """,
            "\"keep\":\"none\"");
        var unit = (await Api.FindUnitsAsync(experiment, "warm", 1))[0];
        var (visit, record) = (",\"context\":{\"visit\":{\"id\":\"s-1\"}}", ",\"record\":true");
        string[] expected = [$"experiment:{experiment}@1=warm", $"play:{placement}/{playbook}@1/a"];
        Assert.Equal(expected, await Api.DecideAsync(placement, unit, visit));
        Assert.Equal(0, await HeldAsync(unit));
        Assert.Equal(expected, await Api.DecideAsync(placement, unit, visit + record + ",\"customerId\":\"linked\""));

        // A unit, an impression, a link.
        Assert.Equal(3, await HeldAsync(unit));
        Assert.Equal(expected, await Api.DecideAsync(placement, unit, visit + record));
        Assert.Equal([], await Api.DecideAsync(placement, unit, visit + record));
        Assert.Equal(4, await HeldAsync(unit));
        Assert.Equal(expected, await Api.DecideAsync(placement, unit));
        Assert.Equal("kept", (await Api.PostAsync($"experiments/{experiment}/assignments", $$"""{"units":["{{unit}}"]}""")).Expect(200)
            ["items"][0].GetProperty("reason").GetString());

        // What it was shown it keeps, when it is no longer covered; what it never saw it does not get.
        var never = (await Api.FindUnitsAsync(experiment, "warm", 1))[0];
        (await Api.PatchAsync($"experiments/{experiment}", """{"coverage":0}""")).Expect(200);
        Assert.Equal(expected, await Api.DecideAsync(placement, unit));
        Assert.Equal([], await Api.DecideAsync(placement, never));
        Assert.Equal((0, 1, 0), await Api.SeeAsync(unit, expected[..1]));
        Assert.Equal((0, 0, 1), await Api.SeeAsync(unit, [$"experiment:{experiment}@1=control"]));
        Assert.Equal((0, 0, 1), await Api.SeeAsync(never, expected[..1]));
    }

    [Fact]
    public async Task Record_FiftyAtOnce_ShowAPlayAsOftenAsItsCapSays()
    {
        var placement = await Api.MakePlacementAsync("string", "\"fallback\"");
        await Api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{placement}}","content":"shown","caps":[{"max":3,"per":{"amount":1,"unit":"day"} }]}""");

        // Of one visitor; then of one customer on fifty devices.
        foreach (var ids in new Func<int, string>[]
        {
            _ => "\"visitorId\":\"busy\"", i => $"\"visitorId\":\"device-{i}\",\"customerId\":\"busy-customer\"",
        })
        {
            var asked = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Api.PostAsync(
                "decisions", $$"""{{{ids(i)}},"placements":["{{placement}}"],"record":true}""")));
            Assert.Equal(3, asked.Count(a => a.Expect(200)["decisions"][0].GetProperty("content").GetString() == "shown"));
        }

        Assert.Equal(3, await CountAsync("busy"));
        Assert.Equal(3, await fixture.CountAsync("SELECT count(*) FROM impressions WHERE customer_id = 'busy-customer'"));
    }

    [Fact]
    public async Task CapOfAVisit_HoldsWithoutAVisit_WhateverElseIsCounted()
    {
        var (_, play) = await MakePlayAsync("\"caps\":[{\"max\":1,\"per\":\"visit\"},{\"max\":3,\"per\":\"ever\"}]");
        var (visitor, placement) = (NewId(), play.Split(':', '/')[1]);
        Assert.Equal((1, 0, 0), await Api.SeeAsync(visitor, [play], visit: "s-1"));
        Assert.Equal([], await Api.DecideAsync(placement, visitor, ",\"context\":{\"visit\":{\"id\":\"s-1\"}}"));
        Assert.Equal([play], await Api.DecideAsync(placement, visitor, ",\"context\":{\"visit\":{\"id\":\"s-2\"}}"));
        Assert.Equal([play], await Api.DecideAsync(placement, visitor));
        Assert.Equal((2, 0, 0), await Api.SeeAsync(visitor, [play, play], visit: "s-3"));
        Assert.Equal([], await Api.DecideAsync(placement, visitor));
    }

    [Theory]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData(" ")]
    [InlineData(" lead")]
    public async Task VisitorId_ThatHasNoAddress_IsRefused(string id) => Assert.Equal(
        ["/visitorId"],
        (await Api.PostAsync("exposures", $$"""{"visitorId":"{{id}}","exposures":["experiment:a@1=b"]}""")).Expect(400).Faults);

    [Fact]
    public async Task Keep_FollowsWhatWasSeen_InThisVisit()
    {
        var placement = await Api.MakePlacementAsync("string");
        var keeping = await Api.MakePlaybookAsync(
            $$"""
            {"key":"first","placement":"{{placement}}","content":"1","caps":[{"max":1,"per":"ever"}]},
            {"key":"second","placement":"{{placement}}","content":"2"}
            """,
            "\"keep\":\"visit\"");
        var (visitor, visit) = (NewId(), ",\"context\":{\"visit\":{\"id\":\"s-1\"}}");
        var first = await Api.DecideAsync(placement, visitor, visit);
        Assert.Equal([$"play:{placement}/{keeping}@1/first"], first);
        Assert.Equal((1, 0, 0), await Api.SeeAsync(visitor, first, visit: "s-1"));
        Assert.Equal(first, await Api.DecideAsync(placement, visitor, visit));
        Assert.Equal([$"play:{placement}/{keeping}@1/second"], await Api.DecideAsync(placement, visitor));

        // A version that was seen is known when there is another.
        (await Api.PatchAsync($"playbooks/{keeping}", """{"name":"Another"}""")).Expect(200);
        Assert.Equal((1, 0, 0), await Api.SeeAsync(visitor, first));
        Assert.Equal([$"play:{placement}/{keeping}@2/first"], await Api.DecideAsync(placement, visitor, visit));
    }

    private static string NewId() => $"seen-{SegmentApi.NextNumber()}";

    private Task<long> CountAsync(string visitor) =>
        fixture.CountAsync($"SELECT count(*) FROM impressions WHERE visitor_id = '{visitor}'");

    private Task<long> HeldAsync(string visitor) => fixture.CountAsync(
        $"""
        SELECT (SELECT count(*) FROM impressions WHERE visitor_id = '{visitor}')
            + (SELECT count(*) FROM experiment_units WHERE visitor_id = '{visitor}')
            + (SELECT count(*) FROM exposure_reports WHERE visitor_id = '{visitor}')
            + (SELECT count(*) FROM visitor_links WHERE visitor_id = '{visitor}')
        """);

    private async Task<(string Playbook, string Exposure)> MakePlayAsync(string more = "\"caps\":[]")
    {
        var placement = await Api.MakePlacementAsync("string");
        var playbook = await Api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":"x",{{more}}}""");
        return (playbook, $"play:{placement}/{playbook}@1/a");
    }
}
