using System.Text.Json;
using Segmentation.Api.Tests.Segments;
using Segmentation.Rules.Events;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Attributes;

/// <summary>What <c>GET /fields</c> says of the fields, as an editor of rules reads it.</summary>
public sealed class FieldsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Fact]
    public async Task Subproperties_AreTheListItself_TheSameAsForEvent()
    {
        var options = await OptionsAsync();
        var inner = options["behavioral.events"].GetProperty("subproperties");
        Assert.Equal(JsonValueKind.Array, inner.ValueKind);
        var names = Names(inner);
        Assert.Equal(
            ["type", "occurredAt", "amount", "channel", "sentiment", "sentimentSource", "hourOfDay", "dayOfWeek", "month"], names.Take(9));
        Assert.Equal(names, Names(options["behavioral.sequence"].GetProperty("subproperties")));

        var group = Assert.Single((await Api.GetAsync("fields?for=event")).Expect(200).Json.EnumerateArray());
        Assert.Equal("event", group.GetProperty("kind").GetString());
        Assert.Equal(names, Names(group.GetProperty("options")));
        Assert.Equal(options.Keys.Order(), (await OptionsAsync("?for=customer")).Keys.Order());
        Assert.Equal(["for"], (await Api.GetAsync("fields?for=order")).Expect(400).Faults);
    }

    [Fact]
    public async Task MatchModes_AreAllNineAsOptions()
    {
        var events = (await OptionsAsync())["behavioral.events"];
        Assert.Equal(EventRuleTerms.Modes, Names(events.GetProperty("matchModes")));
        Assert.All(events.GetProperty("matchModes").EnumerateArray(), m => Assert.NotEmpty(m.GetProperty("label").GetString()!));
        Assert.False((await OptionsAsync())["behavioral.sequence"].TryGetProperty("matchModes", out _));
    }

    [Fact]
    public async Task Aggregates_AreOfTheFieldsTheyCanBe_AndOfNoOthers()
    {
        var events = (await OptionsAsync())["behavioral.events"];
        var aggregates = events.GetProperty("aggregates").EnumerateArray().ToDictionary(a => a.GetProperty("name").GetString()!);
        Assert.Equal(EventRuleTerms.Aggregates, aggregates.Keys);
        Assert.Equal(["amount", "sentiment", "properties.*"], Texts(aggregates["sum"].GetProperty("of")));
        Assert.Equal(["occurredAt", "amount", "sentiment", "properties.*"], Texts(aggregates["min"].GetProperty("of")));
        Assert.Empty(Texts(aggregates["distinctDays"].GetProperty("of")));
        foreach (var (name, aggregate) in aggregates)
        {
            var allowed = Texts(aggregate.GetProperty("of"));
            foreach (var of in Names(events.GetProperty("subproperties")).Append("properties.any").Where(_ => name != "distinctDays"))
            {
                var threshold = of == "occurredAt" && name is "min" or "max" ? "\"2026-01-01\"" : "1";
                var rule = $$$"""
                    {"field":"behavioral.events","operator":"=","value":{{{Everyone}}},
                     "match":{"mode":"atLeast","threshold":{{{threshold}}},"aggregate":"{{{name}}}","of":"{{{of}}}"}}
                    """;
                var valid = (await Api.PostAsync("segments/validate", Body(All(rule)))).Expect(200);
                var isAllowed = allowed.Contains(of.StartsWith("properties.", StringComparison.Ordinal) ? "properties.*" : of);
                Assert.True(isAllowed == valid["valid"].GetBoolean(), $"{name} of {of}: {valid.Body}");
            }
        }
    }

    [Fact]
    public async Task Consents_AreThoseRecordedOrNamed()
    {
        (await Api.PutAsync("customers/consenting", """
            {"consents":{"recordedYes":{"granted":true},"recordedNo":{"granted":false,"at":"2024-01-01T00:00:00Z"} } }
            """)).Expect(201);
        await Api.MakeSegmentAsync(
            Any(Is("consent.named", "=", "true"), All(Is("consent.muted", "null"))), "\"status\":\"archived\"");
        await Wait.UntilAsync(
            async () => (await OptionsAsync()).ContainsKey("consent.recordedNo"), "the purpose in the list");
        var options = await OptionsAsync();
        foreach (var purpose in new[] { "recordedYes", "recordedNo", "named", "muted" })
        {
            var option = options[$"consent.{purpose}"];
            Assert.Equal("boolean", option.GetProperty("type").GetString());
            Assert.Equal(["=", "!=", "null", "notNull"], Names(option.GetProperty("operators")));
        }

        Assert.Subset(
            Texts((await Api.GetAsync("fields/consent/values")).Expect(200)["values"]).ToHashSet(),
            new HashSet<string> { "recordedYes", "recordedNo", "named", "muted" });
        Assert.Equal(["recordedNo"], Texts((await Api.GetAsync("fields/consent/values?prefix=RECORDEDN")).Expect(200)["values"]));
    }

    [Fact]
    public async Task Properties_AreThoseSeen_WithTheOperatorsOfTheirTypes()
    {
        (await Api.PostAsync("events", """
            [{"customerId":"carrier","type":"fieldsSeen","properties":
               {"words":"A","count":3,"flag":true,"either":"x","list":[1,2],"nothing":null,"inner":{"deep":{"leaf":1}},"a.b":1,"":2}},
             {"customerId":"carrier","type":"FieldsSeen","properties":{"either":7,"large":123456789012345678,"list":["a"],"words":"ß"}}]
            """)).Expect(200);
        await Wait.UntilAsync(async () => Names(await EventFieldsAsync()).Contains("properties.count"), "the property in the list");
        var seen = (await EventFieldsAsync()).EnumerateArray().ToDictionary(f => f.GetProperty("name").GetString()!);
        string[] Operators(string name) => [.. Names(seen[name].GetProperty("operators")).Order(StringComparer.Ordinal)];
        string[] text = [.. seen["type"].GetProperty("operators").EnumerateArray().Select(o => o.GetProperty("name").GetString()!)];
        string[] number = [.. seen["amount"].GetProperty("operators").EnumerateArray().Select(o => o.GetProperty("name").GetString()!)];
        Assert.Equal(text.Order(StringComparer.Ordinal), Operators("properties.words"));
        Assert.Equal(number.Order(StringComparer.Ordinal), Operators("properties.count"));
        Assert.Equal(number.Order(StringComparer.Ordinal), Operators("properties.large"));
        Assert.Equal(["!=", "=", "notNull", "null"], Operators("properties.flag"));
        Assert.Equal(text.Union(number).Order(StringComparer.Ordinal), Operators("properties.either"));
        Assert.Equal(number.Order(StringComparer.Ordinal), Operators("properties.inner.deep.leaf"));
        Assert.Equal(
            ("property", "number", ">="),
            (seen["properties.count"].GetProperty("type").GetString(), seen["properties.count"].GetProperty("inputType").GetString(),
                seen["properties.count"].GetProperty("defaultOperator").GetString()));
        foreach (var none in new[] { "properties.list", "properties.nothing", "properties.inner", "properties.a.b", "properties." })
        {
            Assert.DoesNotContain(none, seen.Keys);
        }
    }

    [Fact]
    public async Task Properties_AreTwoHundredAtMost_ThoseOfMostEvents()
    {
        var many = string.Join(',', Enumerable.Range(0, 300).Select(i => $"\"many{i:000}\":1"));
        (await Api.PostAsync("events", $$$"""[{"customerId":"many","type":"many","properties":{{{{many}}}}}]""")).Expect(200);
        var often = Enumerable.Range(0, 3).Select(i => $$$"""{"customerId":"many","type":"often","properties":{"zOften":{{{i}}}}}""");
        (await Api.PostAsync("events", $"[{string.Join(',', often)}]")).Expect(200);
        await Wait.UntilAsync(async () => Names(await EventFieldsAsync()).Contains("properties.zOften"), "the property in the list");
        Assert.Equal(
            200, Names(await EventFieldsAsync()).Count(n => n.StartsWith("properties.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Defaults_AreWhatPeopleMean()
    {
        await Api.MakeSegmentAsync(Everyone, "\"name\":\"Listed\"");
        var options = await OptionsAsync();
        foreach (var (name, op) in new (string, string?)[]
        {
            ("demographic.age", ">="), ("value.lifetimeValue", ">="), ("temporal.lastSeenAt", ">="), ("demographic.birthDate", ">="),
            ("geographic.climate", "in"), ("geographic.country", "in"), ("geographic.city", null), ("temporal.birthday", null),
            ("segment", null), ("psychographic.interests", null), ("behavioral.events", null),
        })
        {
            Assert.Equal(op, options[name].TryGetProperty("defaultOperator", out var found) ? found.GetString() : null);
        }

        foreach (var option in options.Values
            .Where(o => o.GetProperty("type").GetString() is "date" or "instant" or "yearly"))
        {
            // It is a value that the field takes.
            var name = option.GetProperty("name").GetString()!;
            var value = option.GetProperty("defaultValue").GetRawText();
            var checkedRule = (await Api.PostAsync("segments/validate", Body(All(Is(name, "=", value))))).Expect(200);
            Assert.True(checkedRule["valid"].GetBoolean(), checkedRule.Body);
        }

        Assert.False(options["demographic.age"].TryGetProperty("defaultValue", out _));
        var segment = options["segment"];
        Assert.Equal("multiselect", segment.GetProperty("valueEditorType").GetString());
        Assert.Contains(segment.GetProperty("values").EnumerateArray(), v => v.GetProperty("label").GetString() == "Listed");
    }

    [Fact]
    public async Task ValueSources_HaveFieldWhereThereIsOneToCompareWith()
    {
        var options = await OptionsAsync();
        foreach (var all in new[] { options.Values.ToList(), [.. (await EventFieldsAsync()).EnumerateArray()] })
        {
            var isOfCustomer = all.Count == options.Count;
            foreach (var option in all)
            {
                var name = option.GetProperty("name").GetString()!;
                var sources = Texts(option.GetProperty("valueSources"));
                Assert.Equal("value", sources[0]);
                var accepted = new List<string>();
                foreach (var other in all.Select(o => o.GetProperty("name").GetString()!).Where(o => o != name))
                {
                    var rule = $$"""{"field":"{{name}}","operator":"=","valueSource":"field","value":"{{other}}"}""";
                    rule = isOfCustomer ? rule
                        : $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{{All(rule)}}}""";
                    if ((await Api.PostAsync("segments/validate", Body(All(rule)))).Expect(200)["valid"].GetBoolean())
                    {
                        accepted.Add(other);
                    }
                }

                Assert.Equal(accepted.Count > 0, sources.Contains("field"));
                Assert.Equal(accepted.Count > 0, option.TryGetProperty("comparator", out var comparator));
                var alike = accepted.Count == 0 ? [] : all
                    .Where(o => o.TryGetProperty(comparator.GetString()!, out var kind)
                        && kind.ValueEquals(option.GetProperty(comparator.GetString()!).GetString()))
                    .Select(o => o.GetProperty("name").GetString()!).Where(o => o != name);
                Assert.Equal(accepted.Order(StringComparer.Ordinal), alike.Order(StringComparer.Ordinal));
            }
        }
    }

    private async Task<Dictionary<string, JsonElement>> OptionsAsync(string query = "") =>
        (await Api.GetAsync("fields" + query)).Expect(200).Json.EnumerateArray()
            .SelectMany(g => g.GetProperty("options").EnumerateArray()).ToDictionary(o => o.GetProperty("name").GetString()!);

    private async Task<JsonElement> EventFieldsAsync() =>
        (await Api.GetAsync("fields?for=event")).Expect(200).Json[0].GetProperty("options");

    private static List<string> Names(JsonElement options) =>
        [.. options.EnumerateArray().Select(o => o.GetProperty("name").GetString()!)];

    private static List<string> Texts(JsonElement list) => [.. list.EnumerateArray().Select(t => t.GetString()!)];
}
