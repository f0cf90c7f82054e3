using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;
using Segmentation.Api.Endpoints.OpenApi;

namespace Segmentation.Api.Tests.Access;

/// <summary>What who lacks the scope <c>privacy</c> learns of sensitive values, by any operation of the document: nothing.</summary>
public sealed partial class SensitiveWorldTests(SampleApi api) : IClassFixture<SampleApi>
{
    private const string Fields = "demographic.income,demographic.birthDate,demographic.occupation,geographic.city,geographic.region,"
        + "customer.email,customer.lastName,psychographic.lifestyle";

    // Those that only look, and so leave both worlds as they were.
    private static readonly string[] looks =
    [
        "Analyses_Create", "Segments_Overlap", "Segments_Combine", "Segments_Transitions", "Segments_Preview", "Segments_Validate",
        "Segments_Compile", "Playbooks_Validate", "Playbooks_Preview", "Decisions_Decide", "Models_Predict",
        "Experiments_Assignments", "Ofrep_EvaluateFlags",
    ];

    // What tells of the moment alone; analyses, which are of moments of their own, and asked for below; who came when and why into a
    // world's segments; and what nobody without the scope is given.
    private static readonly string[] passing =
    [
        "Service_Ready", "Service_Live", "Segments_Stream", "Analyses_List", "Analyses_Get", "Analyses_Create", "Customers_Data",
        "Segments_Changes", "Customers_Changes", "Customers_Segments", "Segments_Trend", "Segments_Flows",
    ];

    // As of one instant, so that both worlds are asked the same.
    private static readonly string[] analyses =
    [
        """{"type":"profile","segment":"regular-buyers"}""", """{"type":"profile","segment":"trend-seekers"}""",
        SwaggerExamples.OpportunitiesRequest,
    ];

    [Fact]
    public async Task EveryOperation_WithoutThePrivacyScope_ShowsNoSensitiveValue()
    {
        await using var host = await api.StartChangedAsync(Change("zqmarker", 7654321, "1985-03-07"), ("Privacy:SensitiveFields", Fields));
        var (all, few) = await CreateClientsAsync(host);
        var examples = api.Operations.SelectMany(o => Example.List(o.Path, o.Method, o.Operation)).ToList();

        // With the scope they are there, so that the test below looks for what can be found.
        var shown = new HashSet<string>(StringComparer.Ordinal);
        foreach (var example in examples.Where(e => e.Method == "get" || looks.Contains(e.Id)))
        {
            if (Markers().IsMatch((await SendAsync(all, example)).Content))
            {
                shown.Add(example.Id);
            }
        }

        Assert.Superset(
            new HashSet<string>
            {
                "Customers_List", "Customers_Get", "Customers_Export", "Customers_Data", "Segments_Members", "Segments_Preview",
                "Segments_Combine", "Fields_Values",
            },
            shown);

        // Those that change come last: what is erased can't be shown.
        foreach (var example in examples.OrderBy(e => e.Method == "get" ? 0 : looks.Contains(e.Id) ? 1 : 2))
        {
            var (status, content) = await SendAsync(few, example);
            Assert.True(status < 500, $"{example}: {status} {content}");
            var found = Markers().Match(content);
            Assert.False(found.Success, $"{example}: {Around(content, found.Index)}");
        }
    }

    [Theory]
    [InlineData(1)]
    public async Task TwoWorlds_ThatDifferInSensitiveValues_AnswerTheSame(int seed)
    {
        // Some have no value in one of them: whether there is one is a value. All rules of the sample say the same of both.
        await using var one = await api.StartChangedAsync(Change("zqmarker", 7654321, "1985-03-07"), ("Privacy:SensitiveFields", Fields));
        await using var other = await api.StartChangedAsync(
            Change("zqmarkable", 8765432, "1986-04-08")
            + "; UPDATE customers SET geographic_city = NULL, geographic_city_folded = NULL, attributes = attributes - 'plan', "
            + "attributes_folded = attributes_folded - 'plan' WHERE key % 3 = 0",
            ("Privacy:SensitiveFields", Fields));
        var ((_, first), (_, second)) = (await CreateClientsAsync(one), await CreateClientsAsync(other));
        var examples = api.Operations.SelectMany(o => Example.List(o.Path, o.Method, o.Operation)).ToList();
        var asked = examples.Where(e => (e.Method == "get" || looks.Contains(e.Id)) && !passing.Contains(e.Id))
            .Where(e => e.Body?.Contains("\"save\"", StringComparison.Ordinal) != true).ToList();
        var statuses = new Dictionary<int, int>();
        List<string> different = [];
        foreach (var example in Invent(new Random(seed), examples).Concat(asked))
        {
            (int Status, string Content) a = default, b = default;

            // What runs beside the requests comes to the same end in both.
            for (var attempt = 0; attempt < 12; attempt++)
            {
                (a, b) = (await SendAsync(first, example, Settle), await SendAsync(second, example, Settle));
                if (AreAlike(a, b))
                {
                    break;
                }

                await Task.Delay(250);
            }

            if (!AreAlike(a, b))
            {
                different.Add($"{example}:\n{Difference(a, b)}");
            }

            statuses[a.Status] = statuses.GetValueOrDefault(a.Status) + 1;
        }

        Assert.True(different.Count == 0, string.Join("\n", different));

        // All of each, but for the last digits of sums of rows that each database has in an order of its own.
        foreach (var analysis in analyses)
        {
            var (left, right) = ((200, await AnalyzeAsync(first, analysis)), (200, await AnalyzeAsync(second, analysis)));
            Assert.True(AreAlike(left, right, Numbers(), 1e-9), Difference(left, right));
        }

        Assert.True(statuses[200] > 200 && statuses[403] > 20, string.Join(", ", statuses));
    }

    // All of an analysis's result, as of one instant.
    private static async Task<string> AnalyzeAsync(HttpClient client, string request)
    {
        var asked = JsonNode.Parse(request)!;
        asked["asOf"] = "2026-06-01T00:00:00Z";
        using var body = new StringContent(asked.ToJsonString(), System.Text.Encoding.UTF8, "application/json");
        using var taken = await client.PostAsync(new Uri("/api/v1/analyses?wait=30", UriKind.Relative), body);
        var id = JsonNode.Parse(await taken.Content.ReadAsStringAsync())!["id"]!.GetValue<string>();
        JsonNode? result = null;
        await Wait.UntilAsync(
            async () => (result = JsonNode.Parse(await client.GetStringAsync(new Uri($"/api/v1/analyses/{id}?show=all", UriKind.Relative)))!
                ["result"]) is not null,
            $"the result of {request}");
        return result!.ToJsonString();
    }

    // Some of those who match are in no order: those that a plan comes upon first. All of them are in one. What PostgreSQL estimates, for
    // administrators, is of what it has counted of the values by then.
    private static string Settle(string content)
    {
        if (!content.Contains("\"sample\":[", StringComparison.Ordinal) && !content.Contains("\"plan\":[", StringComparison.Ordinal))
        {
            return content;
        }

        var answer = JsonNode.Parse(content)!.AsObject();
        answer.Remove("plan");
        if (answer["sample"] is JsonArray sample)
        {
            var whole = sample.Count == (int?)answer["count"];
            answer["sample"] = whole
                ? new JsonArray([.. sample.OrderBy(c => (string)c!["id"]!, StringComparer.Ordinal).Select(c => c!.DeepClone())])
                : null;
        }

        return answer.ToJsonString();
    }

    // Every customer's sensitive values, of which the sample's rules say one thing.
    private static string Change(string marker, int income, string born) =>
        $"""
        UPDATE attributes SET sensitive = true WHERE name = 'plan';
        UPDATE customers SET demographic_income = {income}, demographic_birth_date = '{born}',
            demographic_occupation = '{marker} job', demographic_occupation_folded = '{marker} job',
            geographic_city = '{marker} city', geographic_city_folded = '{marker} city',
            geographic_region = '{marker} region', geographic_region_folded = '{marker} region',
            email = '{marker}' || key || '@example.com', email_folded = '{marker}' || key || '@example.com',
            last_name = '{marker} name', last_name_folded = '{marker} name',
            psychographic_lifestyle = '{marker} life', psychographic_lifestyle_folded = '{marker} life',
            attributes = coalesce(attributes, jsonb_build_object()) || jsonb_build_object('plan', '{marker} plan'),
            attributes_folded = coalesce(attributes_folded, jsonb_build_object()) || jsonb_build_object('plan', '{marker} plan')
        """;

    // Rules of pieces of the document's examples, asked of everybody and of one, and explanations.
    private static IEnumerable<Example> Invent(Random random, List<Example> examples)
    {
        var preview = examples.Where(e => e.Id == "Segments_Preview" && e.Body is not null).ToList();
        var pieces = preview.Select(e => JsonNode.Parse(e.Body!)!["rule"]!).ToList();
        string[] segments = [.. ExampleSegments.All.Select(s => s.Key)];
        for (var i = 0; i < 150; i++)
        {
            var rule = Group(depth: 0);
            var body = new JsonObject { ["rule"] = rule, ["sampleSize"] = 100 }.ToJsonString();
            yield return preview[0] with { Body = body, Address = "/api/v1/segments/preview" };
            var address = $"/api/v1/segments/{segments[random.Next(segments.Length)]}/explain/sample-{random.Next(1, 400):D5}";
            yield return preview[0] with { Id = "Segments_Explain", Method = "get", Address = address, MediaType = null, Body = null };
        }

        JsonNode Group(int depth) => new JsonObject
        {
            ["combinator"] = random.Next(2) == 0 ? "and" : "or",
            ["not"] = random.Next(4) == 0,
            ["rules"] = new JsonArray(
                [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => depth < 2 && random.Next(3) == 0
                    ? Group(depth + 1)
                    : pieces[random.Next(pieces.Count)].DeepClone())]),
        };
    }

    // What is reckoned as of now differs by the moment between two requests, in its decimals.
    private static bool AreAlike((int Status, string Content) a, (int Status, string Content) b) => AreAlike(a, b, Decimals(), 0.01);

    private static bool AreAlike((int Status, string Content) a, (int Status, string Content) b, Regex numbers, double tolerance)
    {
        if (a.Status != b.Status || numbers.Replace(a.Content, "#") != numbers.Replace(b.Content, "#"))
        {
            return false;
        }

        IEnumerable<double> Values(string content) =>
            numbers.Matches(content).Select(m => double.Parse(m.Value, System.Globalization.CultureInfo.InvariantCulture));
        return Values(a.Content).Zip(Values(b.Content)).All(p => Math.Abs(p.First - p.Second) <= tolerance * (1 + Math.Abs(p.First)));
    }

    private static string Difference((int Status, string Content) a, (int Status, string Content) b)
    {
        var at = a.Content.Zip(b.Content).TakeWhile(p => p.First == p.Second).Count();
        return $"{a.Status} …{Around(a.Content, at)}…\n{b.Status} …{Around(b.Content, at)}…";
    }

    private static string Around(string text, int place) => text[Math.Max(0, place - 300)..Math.Min(text.Length, place + 200)];

    private static async Task<(int Status, string Content)> SendAsync(
        HttpClient client, Example example, Func<string, string>? settle = null)
    {
        using var request = example.CreateRequest();
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var content = answer.Content.Headers.ContentType?.MediaType == "text/event-stream" ? "" : await answer.Content.ReadAsStringAsync();
        return ((int)answer.StatusCode, Passing().Replace(settle is null ? content : settle(content), "~"));
    }

    // Clients with a key of every scope, and with one of every scope but privacy.
    private static async Task<(HttpClient All, HttpClient Few)> CreateClientsAsync(SampleHost host)
    {
        await using var scope = host.Services.CreateAsyncScope();
        host.Key = await AccessKeys.AddAsync(scope.ServiceProvider, "everything00", [.. Scopes.OfKeys]);
        var all = host.CreateClient();
        host.Key = await AccessKeys.AddAsync(scope.ServiceProvider, "butprivacy00", [.. Scopes.OfKeys.Where(s => s != Scopes.Privacy)]);
        return (all, host.CreateClient());
    }

    [GeneratedRegex("zqmarker|7654321|1985-03-07", RegexOptions.IgnoreCase)]
    private static partial Regex Markers();

    // Instants, ids that the service makes, hashes, and how long something took.
    [GeneratedRegex(
        """\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*Z|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32,64}"""
        + "|\"elapsedMs\":[\\d.]+|\"requestId\":\"[^\"]*|\"nextCursor\":\"[^\"]*")]
    private static partial Regex Passing();

    [GeneratedRegex("-?\\d+\\.\\d+(E-?\\d+)?")]
    private static partial Regex Decimals();

    [GeneratedRegex("-?\\d+(\\.\\d+)?(E-?\\d+)?")]
    private static partial Regex Numbers();
}
