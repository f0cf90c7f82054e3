namespace Segmentation.Api.Tests.Playbooks;

/// <summary>The preview, by SQL over everybody, counts what decisions, in memory, say of each.</summary>
public sealed class PreviewTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Customers = 40, Rounds = 25;

    private static readonly string[] audiences =
    [
        "null",
        """{"combinator":"and","rules":[{"field":"geographic.country","operator":"=","value":"DE"}]}""",
        """{"combinator":"and","rules":[{"field":"value.orderCount","operator":">=","value":1}]}""",
        """
        {"combinator":"or","rules":[{"field":"consent.ads","operator":"=","value":true},
         {"field":"value.percentile","operator":">","value":80}]}
        """,
        """{"combinator":"and","rules":[{"field":"temporal.localHour","operator":"<","value":12}]}""",
    ];

    private static readonly string[] conditions =
    [
        "null",
        """{"combinator":"and","rules":[{"field":"context.hour","operator":"between","value":[6,17]}]}""",
        """{"combinator":"and","rules":[{"field":"context.device","operator":"=","value":"mobile"}]}""",
        """{"combinator":"and","rules":[{"field":"context.known","operator":"=","value":true}]}""",
        """{"combinator":"and","rules":[{"field":"context.custom.cart.total","operator":">","value":50}]}""",
        """{"combinator":"and","not":true,"rules":[{"field":"context.country","operator":"in","value":["DE","AT"]}]}""",
    ];

    private static readonly string[] contexts =
    [
        "{}",
        """{"timeZone":"Asia/Tokyo","device":"mobile"}""",
        """{"country":"AT","custom":{"cart":{"total":60}}}""",
        """{"device":"desktop","custom":{"cart":{"total":5}}}""",
    ];

    private Api Api => fixture.Api;

    [Fact]
    public async Task RandomPlaybooks_PreviewAndDecisionsAgree()
    {
        var random = new Random(20);
        string[] zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"];
        for (var i = 0; i < Customers; i++)
        {
            var zone = random.Next(4) is var z and < 3 ? $",\"timeZone\":\"{zones[z]}\"" : "";
            (await Api.PutAsync(
                $"customers/c{i}",
                $$"""
                {"geographic":{"country":"{{(random.Next(2) == 0 ? "DE" : "AT")}}"{{zone}}},
                 "consents":{"ads":{"granted":{{(random.Next(2) == 0 ? "true" : "false")}} } } }
                """)).Expect(201);
            if (random.Next(2) == 0)
            {
                (await Api.PostAsync(
                    "events", $$"""{"customerId":"c{{i}}","type":"order_completed","amount":{{random.Next(100)}}}""")).Expect(200);
            }
        }

        string[] placements = [await Api.MakePlacementAsync("number", "0"), await Api.MakePlacementAsync("number")];
        var decided = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var key = $"random-{round % 3}";
            var plays = string.Join(',', Enumerable.Range(0, 3).Select(i =>
                $$"""
                {"key":"p{{i}}","placement":"{{Pick(random, placements)}}","content":{{i}},"when":{{Pick(random, conditions)}}}
                """));
            var body = $$"""
                {"key":"{{key}}","priority":{{random.Next(3)}},"timeZone":"Europe/Berlin","status":"active",
                 "audience":{{Pick(random, audiences)}},
                 "requiresConsent":{{(random.Next(3) == 0 ? "\"ads\"" : "null")}},"plays":[{{plays}}]}
                """;
            (await Api.PutAsync($"playbooks/{key}", body)).Expect(round < 3 ? 201 : 200);
            var context = Pick(random, contexts);
            var preview = (await Api.PostAsync("playbooks/preview", $$"""{"key":"{{key}}","context":{{context}}}""")).Expect(200);
            Assert.Equal(Customers, preview["total"].GetInt32());
            var expected = new Dictionary<string, int>();
            for (var i = 0; i < Customers; i++)
            {
                var answer = (await Api.PostAsync("decisions", $$"""{"customerId":"c{{i}}","context":{{context}}}""")).Expect(200);
                foreach (var d in answer["decisions"].EnumerateArray())
                {
                    var won = d.TryGetProperty("playbook", out var playbook)
                        ? $"{d.GetProperty("placement")} {playbook} {d.GetProperty("play")}"
                        : $"{d.GetProperty("placement")}";
                    expected[won] = expected.GetValueOrDefault(won) + 1;
                    decided++;
                }
            }

            foreach (var placement in preview["placements"].EnumerateArray())
            {
                var name = placement.GetProperty("placement").GetString();
                var counted = placement.GetProperty("plays").EnumerateArray()
                    .Where(p => p.GetProperty("count").GetInt32() > 0)
                    .ToDictionary(
                        p => $"{name} {p.GetProperty("playbook")} {p.GetProperty("play")}", p => p.GetProperty("count").GetInt32());
                var fallback = placement.GetProperty("fallback").GetProperty("count").GetInt32();
                Assert.Equal(Customers, counted.Values.Sum() + fallback);
                if (fallback > 0)
                {
                    counted.Add(name!, fallback);
                }

                Assert.Equal(
                    expected.Where(e => e.Key.Split(' ')[0] == name).OrderBy(e => e.Key, StringComparer.Ordinal),
                    counted.OrderBy(e => e.Key, StringComparer.Ordinal));
            }
        }

        Assert.Equal(2 * Customers * Rounds, decided);
    }

    private static string Pick(Random random, string[] of) => of[random.Next(of.Length)];
}
