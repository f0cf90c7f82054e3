using System.Text;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Customers;

/// <summary>
/// Every field of the catalog, over HTTP: a customer that has nothing else is sent, read back, exported, imported again, and found by a
/// rule that another customer does not satisfy. What was forgotten of a new field (the resource's property, its line among the profile's
/// properties, …) is named here.
/// </summary>
public sealed class EveryFieldTests(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private const string Ndjson = "application/x-ndjson";
    private const string Csv = "text/csv";
    private const string BirthDate = """{"demographic":{"birthDate":"1985-12-10"}}""";
    private const string SignedUp = """{"signedUpAt":"2024-05-31T12:00:00Z"}""";

    // 14 hours ahead of UTC, always.
    private const string FarEast = """{"geographic":{"timeZone":"Pacific/Kiritimati"}}""";

    // 25 hours behind it: never the same day.
    private const string FarWest = """{"geographic":{"timeZone":"Pacific/Pago_Pago"}}""";

    private const string Orders = """
        [{"type":"order_completed","amount":30.5,"occurredAt":"2024-05-01T10:00:00Z"},
         {"type":"order_refunded","amount":10,"occurredAt":"2024-05-02T10:00:00Z"},
         {"type":"order_completed","amount":20,"occurredAt":"2024-05-03T10:00:00Z"},
         {"type":"feedback","properties":{"nps":9}}]
        """;

    private static readonly Dictionary<string, string> attributes = new()
    {
        ["plan"] = "text",
        ["score"] = "integer",
        ["ratio"] = "decimal",
        ["vip"] = "boolean",
        ["renewal"] = "date",
        ["lastCall"] = "instant",
        ["tags"] = "set",
    };

    // Values of fields that not every value of their type is one of.
    private static readonly Dictionary<string, string> values = new()
    {
        ["geographic.country"] = "\"DE\"",
        ["geographic.timeZone"] = "\"Europe/Berlin\""
    };

    // Fields that are not simply sent and shown: by what a customer gets them, where they are shown if they are,
    // and a rule that it satisfies.
    private static readonly Dictionary<string, Made> special = new()
    {
        ["demographic.age"] = new(BirthDate, "demographic.age", Is("demographic.age", ">", "30")),
        ["geographic.location"] = new(
            """{"geographic":{"location":{"latitude":52.5,"longitude":13.4}}}""", "geographic.location",
            Is("geographic.location", "within", """{"latitude":52.51,"longitude":13.41,"radiusKm":5}""")),
        ["behavioral.events"] = new(null, null,
            $$$"""
            {"field":"behavioral.events","operator":"=","value":{{{All(Is("type", "=", "\"order_completed\""))}}},
             "match":{"mode":"atLeast","threshold":2}}
            """),
        ["behavioral.sequence"] = new(null, null,
            Is("behavioral.sequence", "=", $$"""{"steps":[{{Everyone}},{{All(Is("type", "=", "\"order_refunded\""))}}]}""")),
        ["temporal.birthday"] = new(BirthDate, null, Is("temporal.birthday", "=", "\"2000-12-10\"")),
        ["temporal.signupAnniversary"] = new(SignedUp, null, Is("temporal.signupAnniversary", "=", "\"2000-05-31\"")),
        ["temporal.localHour"] = new(FarEast, null, null),
        ["temporal.localDayOfWeek"] = new(FarEast, null, null),
        ["psychographic.sentiment"] = new(null, "psychographic.sentiment", null),
        ["value.percentile"] = new(null, null, Is("value.percentile", ">", "0")),
        ["value.rfmRecency"] = new(null, "value.rfmRecency", Is("value.rfmRecency", "notNull")),
        ["value.rfmFrequency"] = new(null, "value.rfmFrequency", Is("value.rfmFrequency", "notNull")),
        ["value.rfmMonetary"] = new(null, "value.rfmMonetary", Is("value.rfmMonetary", "notNull")),
        ["value.rfmGroup"] = new(null, "value.rfmGroup", Is("value.rfmGroup", "notNull")),
        ["value.daysSinceLastOrder"] = new(null, "value.daysSinceLastOrder", Is("value.daysSinceLastOrder", ">", "30")),
        ["customer.id"] = new("{}", "id", Is("customer.id", "=", "\"has-customer.id\"")),
        ["customer.createdAt"] = new("{}", "createdAt", null),
        ["segment"] = new("{}", null, In("every-field")),
        ["consent.marketing"] = new(
            """{"consents":{"marketing":{"granted":true,"at":"2024-01-01T00:00:00Z"}}}""",
            "consents.marketing.granted",
            Is("consent.marketing", "=", "true")),
    };

    private Api Api => fixture.Api;

    public static TheoryData<string> Fields => [.. Names];

    private static IEnumerable<string> Names =>
    [
        .. new CustomerFields(new RevenueOptions(), new FeedbackOptions()).Catalog(Backend.Sql, historical: false, []).All
            .Select(f => f.Name),
        .. attributes.Keys.Select(a => $"attributes.{a}"), "consent.marketing",
    ];

    public async Task InitializeAsync()
    {
        foreach (var (name, type) in attributes)
        {
            await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""");
        }

        // RFM scores are by the orders that there were at the last analysis.
        if ((await Api.GetAsync("rfm")).Expect(200)["computedAt"].ValueKind == JsonValueKind.Null)
        {
            (await Api.PostAsync("events", Orders.Replace("{", """{"customerId":"first",""", StringComparison.Ordinal))).Expect(200);
            (await Api.PostAsync("analyses?wait=60", """{"type":"rfm"}""")).Expect(201);
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [MemberData(nameof(Fields))]
    public async Task Field_EachOne_IsTakenShownExportedImportedAndQueried(string field)
    {
        var (id, other) = ($"has-{field}", $"lacks-{field}");
        var made = special.GetValueOrDefault(field) ?? await ByDefaultAsync(field);
        await Api.PutAsync($"customers/{other}", field == "temporal.localDayOfWeek" ? FarWest : "{}");
        await MakeAsync(field, id, made);
        var shown = (await Api.GetAsync($"customers/{id}")).Expect(200).Json;
        AssertHas(shown, made.Sent, $"GET does not show {field} as PUT took it");
        Assert.True(made.Path is null || Find(shown, made.Path) is not null, $"GET does not show {field}.");
        await AssertFoundAsync(field, made, shown, id, other);

        string[] types = made.Path is null ? [] : [Ndjson, Csv];
        var files = new List<string>();
        foreach (var type in types)
        {
            files.Add(await ExportAsync(type, id, field, made.Path!, shown));
        }

        foreach (var (type, file) in types.Zip(files))
        {
            (await Api.DeleteAsync($"customers/{id}")).Expect(204);
            var result = (await Api.SendAsync("POST", "customers/import?recreate=true", file, type)).Expect(200);
            Assert.True(result["created"].GetInt32() == 1, $"An import of {type} does not take {field}: {result.Body}");
            var imported = (await Api.GetAsync($"customers/{id}")).Expect(200).Json;
            AssertHas(imported, made.Sent, $"GET does not show {field} as an import of {type} took it");

            // What events made does not come back with the profile.
            if (made.Sent is not null)
            {
                await AssertFoundAsync(field, made, imported, id, other);
            }
        }
    }

    [Fact]
    public async Task Catalog_HasEveryColumnOfAnExport()
    {
        var columns = (await Api.GetAsync("customers/export", ("Accept", Csv))).Expect(200).Body.Split("\r\n")[0].Split(',');
        var known = Names.Select(PathOf).ToHashSet(StringComparer.Ordinal);
        var unknown = columns.Where(c => !c.StartsWith("consents.", StringComparison.Ordinal)
            && !known.Contains(c.Replace(".latitude", "").Replace(".longitude", "")));

        // What every write moves is no field, nor is what tells which scores they are; and who is restricted matches no rule.
        string[] others = ["updatedAt", "restricted", "predicted.scoredOn", "predicted.version", "predicted.propensity"];
        var missing = unknown.Except(others).ToList();
        Assert.True(missing is [], $"An export has {string.Join(", ", missing)}, and CustomerFields has no such field.");
    }

    private async Task MakeAsync(string field, string id, Made made)
    {
        var put = await Api.PutAsync($"customers/{id}", made.Sent ?? "{}");
        Assert.True(put.Status == 201, $"PUT does not take {field}: {made.Sent}\n{put.Body}");
        if (IsScore(field))
        {
            await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
            await using var score = source.CreateCommand(
                """
                INSERT INTO customer_scores (customer_key, scored_on, version, silence, alive_probability, churn_risk, orders30, orders90,
                    orders365, average_order_value, lifetime_value, value_percentile)
                SELECT key, '2026-01-01', 1, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25 FROM customers WHERE id = $1
                """);
            score.Parameters.AddWithValue(id);
            await score.ExecuteNonQueryAsync();
        }
        else if (made.Sent is null)
        {
            (await Api.PostAsync("events", Orders.Replace("{", $$"""{"customerId":"{{id}}",""", StringComparison.Ordinal))).Expect(200);
        }

        if (field == "segment")
        {
            (await Api.PutAsync("segments/every-field", """{"kind":"manual"}""")).Expect(201);
            (await Api.PutAsync($"segments/every-field/members/{id}", "{}")).Expect(200);
        }
    }

    // Nobody without events is scored: what is stored stays.
    private static bool IsScore(string field) =>
        field == "behavioral.silence" || field.StartsWith("predicted.", StringComparison.Ordinal);

    // Sent and shown under its own name, or made by events, as its kind is.
    private async Task<Made> ByDefaultAsync(string field)
    {
        var options = (await Api.GetAsync("fields")).Expect(200).Json.EnumerateArray()
            .SelectMany(group => group.GetProperty("options").EnumerateArray());
        var option = options.SingleOrDefault(o => o.GetProperty("name").GetString() == field);
        Assert.True(option.ValueKind == JsonValueKind.Object, $"GET /fields does not list {field}.");
        if (IsScore(field) || field.StartsWith("behavioral.", StringComparison.Ordinal)
            || field.StartsWith("value.", StringComparison.Ordinal))
        {
            return new Made(null, field, null);
        }

        var value = values.GetValueOrDefault(field) ?? option.GetProperty("type").GetString() switch
        {
            "text" when option.TryGetProperty("values", out var closed) => closed[0].GetProperty("name").GetRawText(),
            "text" => $"\"Some {field}, with a comma\"",
            "integer" => "3",
            "decimal" => "1234.5",
            "boolean" => "true",
            "date" => "\"1985-12-10\"",
            "instant" => "\"2024-05-31T12:00:00.123456Z\"",
            "set" => """["A|b","C"]""",
            var type => throw new InvalidOperationException($"{field}: a value of type {type} is needed here."),
        };
        var sent = PathOf(field).Split('.').Reverse().Aggregate(value, (inner, name) => $$"""{"{{name}}":{{inner}}}""");
        return new Made(sent, PathOf(field), null);
    }

    // The file that the customer alone is in.
    private async Task<string> ExportAsync(string type, string id, string field, string path, JsonElement shown)
    {
        var lines = (await Api.GetAsync("customers/export", ("Accept", type))).Expect(200).Body.Split(
            '\n', StringSplitOptions.RemoveEmptyEntries);
        if (type == Ndjson)
        {
            var line = lines.Single(l => JsonSerializer.Deserialize<JsonElement>(l).GetProperty("id").GetString() == id);
            Assert.True(Find(JsonSerializer.Deserialize<JsonElement>(line), path) is { } exported
                && JsonElement.DeepEquals(exported, Find(shown, path)!.Value),
                $"An export of {type} does not have {field}: {line}");
            return line;
        }

        var (columns, cells) = (new List<string?>(), new List<string?>());
        RecordReader.Split(Encoding.UTF8.GetBytes(lines[0].TrimEnd('\r')), (byte)',', columns);
        var record = lines.Single(l => l.StartsWith(id + ',', StringComparison.Ordinal));
        RecordReader.Split(Encoding.UTF8.GetBytes(record.TrimEnd('\r')), (byte)',', cells);
        foreach (var column in path == "geographic.location" ? [$"{path}.latitude", $"{path}.longitude"] : new[] { path })
        {
            Assert.True(columns.Contains(column), $"An export of {type} has no column {column}.");
            Assert.Equal(CellOf(Find(shown, column)!.Value), cells[columns.IndexOf(column)], ignoreCase: true);
        }

        return $"{lines[0]}\n{record}";
    }

    private async Task AssertFoundAsync(string field, Made made, JsonElement shown, string id, string other)
    {
        var both = Is("customer.id", "in", $"[\"{id}\",\"{other}\"]");
        List<string> rules = [RuleFor(field, made, shown)];
        if (made.Sent is not null && made.Rule is null && made.Path is not null
            && !field.StartsWith("customer.createdAt", StringComparison.Ordinal))
        {
            rules.Add(Is(field, "notNull"));
        }

        foreach (var rule in rules)
        {
            var preview = await Api.PostAsync("segments/preview", Body(All(both, rule)));
            Assert.True(preview.Status == 200, $"A rule over {field} is refused: {rule}\n{preview.Body}");
            Assert.True(preview["count"].GetInt32() == 1 && preview["sample"][0].GetProperty("id").GetString() == id,
                $"A rule over {field} does not find the customer that has it alone: {rule}\n{preview.Body}");
        }
    }

    private static string RuleFor(string field, Made made, JsonElement shown)
    {
        var there = DateTimeOffset.UtcNow.AddHours(14);
        return field switch
        {
            // The hour may end while the test runs.
            "temporal.localHour" => Is(field, "in", $"[{there.Hour},{(there.Hour + 1) % 24}]"),
            "temporal.localDayOfWeek" => Is(field, "in", $"[{DayOfWeek(there)},{DayOfWeek(there.AddDays(1))}]"),
            _ when made.Rule is not null => made.Rule,
            _ => Find(shown, made.Path!)!.Value is { ValueKind: JsonValueKind.Array } set ? Is(field, "contains", set.GetRawText())
                : Is(field, "=", Find(shown, made.Path!)!.Value.GetRawText()),
        };
    }

    private static int DayOfWeek(DateTimeOffset at) => at.DayOfWeek == System.DayOfWeek.Sunday ? 7 : (int)at.DayOfWeek;

    private static void AssertHas(JsonElement shown, string? sent, string message)
    {
        if (sent is not null)
        {
            Compare(JsonSerializer.Deserialize<JsonElement>(sent), shown, "");
        }

        void Compare(JsonElement expected, JsonElement? actual, string path)
        {
            if (expected.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in expected.EnumerateObject())
                {
                    Compare(member.Value, actual is { } parent ? Find(parent, member.Name) : null, $"{path}/{member.Name}");
                }
            }
            else
            {
                Assert.True(
                    actual is { } found && JsonElement.DeepEquals(expected, found),
                    $"{message}: {path} is {actual?.GetRawText() ?? "missing"}.");
            }
        }
    }

    private static JsonElement? Find(JsonElement json, string path)
    {
        JsonElement? found = json;
        foreach (var name in path.Split('.'))
        {
            found = found is { ValueKind: JsonValueKind.Object } parent && parent.TryGetProperty(name, out var member) ? member : null;
        }

        return found;
    }

    private static string CellOf(JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? string.Join('|', value.EnumerateArray().Select(i => i.GetString()!.Replace("|", "\\|", StringComparison.Ordinal)))
        : value.ToString();

    // Where a field is that is sent and shown under its own name.
    private static string PathOf(string field) =>
        field.StartsWith("customer.", StringComparison.Ordinal) || field.StartsWith("temporal.", StringComparison.Ordinal)
            ? field[(field.IndexOf('.', StringComparison.Ordinal) + 1)..]
            : field;

    /// <param name="Sent">The profile that has the field; null for what events make.</param>
    /// <param name="Path">Where the field is shown; null where it is not.</param>
    /// <param name="Rule">A rule that the customer satisfies; null for "equals what is shown".</param>
    private sealed record Made(string? Sent, string? Path, string? Rule);
}
