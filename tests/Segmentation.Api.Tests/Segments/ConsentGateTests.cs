using System.Globalization;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.Tests.Streams;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>The law of consent: whoever has not granted all that a segment requires is in it by no way of asking.</summary>
public sealed class ConsentGateTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Customers = 16;
    private const int ExpiryDays = 30;
    private const string Proof = "\"source\":\"test\",\"policyVersion\":\"1\"";
    private static readonly DateTimeOffset now = DateTimeOffset.UtcNow;
    private static int made;

    private Api Api => fixture.Api;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Members_OfWhatRequiresConsent_AreThoseOfTheRuleWhoHaveGrantedAll(int seed)
    {
        var (random, world) = (new Random(seed), new World(Api, $"g{Interlocked.Increment(ref made)}"));
        await world.CreateAsync(random, Customers);
        for (var round = 0; round < 4; round++)
        {
            for (var change = 0; change < (round == 0 ? 0 : 12); change++)
            {
                await world.ChangeAsync(random);
            }

            foreach (var segment in world.Segments)
            {
                await CheckNowAsync(world, segment);
                await CheckThenAsync(world, segment, now.AddDays(-random.Next(100)).AddHours(1), random);
            }

            foreach (var person in world.People)
            {
                var listed = (await Api.GetAsync($"customers/{person.Id}/segments")).Expect(200)["items"].EnumerateArray()
                    .Select(s => s.GetProperty("key").GetString()!);
                Assert.Equal(
                    world.Segments.Where(s => s.IsActive && s.IsMember(person, now)).Select(s => s.Key).Order(StringComparer.Ordinal),
                    listed.Where(world.Has).Order(StringComparer.Ordinal));
            }
        }
    }

    [Fact]
    public async Task Withdrawn_LeavesByItsCause_AndIsNoMoreToldToHaveJoined()
    {
        var (p, id, key) = (NewName(), NewName(), NewName());
        (await Api.PutAsync($"purposes/{p}", "{}")).Expect(201);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        (await Api.PutAsync($"segments/{key}", Body(All(Is("customer.id", "=", $"\"{id}\"")), Requires(p)))).Expect(201);
        (await Api.PutAsync($"segments/{key}-within", Body(All(In(key))))).Expect(201);
        (await Api.PutAsync(
            $"segments/{key}-either", Body($$"""{"combinator":"or","rules":[{{In(key)}},{{Is("demographic.children", "=", "1")}}]}""")))
            .Expect(201);
        await Wait.UntilAsync(
            async () => await StateAsync(key) == "ready" && await StateAsync($"{key}-within") == "ready"
                && await StateAsync($"{key}-either") == "ready",
            "ready");
        var hook = (await Api.PostAsync(
            "webhooks", $$"""{"url":"https://receiver.invalid/","segments":["{{key}}","{{key}}-within"]}""")).Expect(201)["id"];

        (await Api.PutAsync($"customers/{id}/consents/{p}", $"{{\"granted\":true,{Proof}}}")).Expect(200);
        await Wait.UntilAsync(async () => (await DeliveriesAsync(hook)).Count == 2, "queued");
        (await Api.PutAsync($"customers/{id}/consents/{p}", $"{{\"granted\":false,{Proof}}}")).Expect(200);
        await Wait.UntilAsync(
            async () => (await ChangesAsync(key)).Count == 2 && (await ChangesAsync($"{key}-within")).Count == 2, "left");
        Assert.Equal(["left consent", "joined consent"], await ChangesAsync(key));
        Assert.Equal(["left consent", "joined consent"], await ChangesAsync($"{key}-within"));
        Assert.DoesNotContain(await DeliveriesAsync(hook), d => d.Contains("joined", StringComparison.Ordinal));
        Assert.Equal(2, (await DeliveriesAsync(hook)).Count);

        // Of what needs no consent, whoever has given none leaves as ever.
        (await Api.PutAsync($"customers/{id}", """{"demographic":{"children":1}}""")).Expect(200);
        await Wait.UntilAsync(async () => (await ChangesAsync($"{key}-either")).Count == 3, "in by the other way");
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(200);
        await Wait.UntilAsync(async () => (await ChangesAsync($"{key}-either")).Count == 4, "out by it");
        Assert.Equal("left profile", (await ChangesAsync($"{key}-either"))[0]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Left_ForThat_IsNotToldAgainToHaveJoined(bool withdraws)
    {
        var (p, id, key) = (NewName(), NewName(), NewName());
        (await Api.PutAsync($"purposes/{p}", "{}")).Expect(201);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        (await Api.PutAsync($"segments/{key}", Body(All(Is("customer.id", "=", $"\"{id}\"")), Requires(p)))).Expect(201);
        await Wait.UntilAsync(async () => await StateAsync(key) == "ready", "ready");
        var hook = (await Api.PostAsync("webhooks", $$"""{"url":"https://receiver.invalid/","segments":["{{key}}"]}""")).Expect(201)["id"];
        await using var before = await Listener.OpenAsync(Api.Client, key);
        var start = (await before.NextAsync()).Id;
        (await Api.PutAsync($"customers/{id}/consents/{p}", $"{{\"granted\":true,{Proof}}}")).Expect(200);
        await Wait.UntilAsync(async () => (await DeliveriesAsync(hook)).Count == 1, "queued");
        var message = (await Api.AllAsync($"webhooks/{hook}/deliveries"))[0].GetProperty("messageId").GetString();
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await DeliverAsync();
        (await Api.PostAsync($"webhooks/{hook}/deliveries/{message}/replay", "")).Expect(200);
        await DeliverAsync();

        (await (withdraws
            ? Api.PutAsync($"customers/{id}/consents/{p}", $"{{\"granted\":false,{Proof}}}")
            : Api.PutAsync($"customers/{id}/restriction", """{"reason":"objects"}"""))).Expect(200);
        await Wait.UntilAsync(async () => (await ChangesAsync(key)).Count == 2, "left");
        await DeliverAsync();
        (await Api.PostAsync($"webhooks/{hook}/deliveries/{message}/replay", "")).Expect(409);
        var replayed = (await Api.PostAsync($"webhooks/{hook}/replay", """{"since":"2020-01-01T00:00:00Z"}""")).Expect(200);
        Assert.Equal(1, replayed["queued"].GetInt32());
        Assert.Equal(
            ["pending left", "delivered joined"],
            (await Api.AllAsync($"webhooks/{hook}/deliveries")).Select(d => $"{d.GetProperty("state")} {d.GetProperty("change")}"));

        // Nor by a stream that begins before.
        await using var after = await Listener.OpenAsync(Api.Client, key, start);
        Assert.Equal("hello", (await after.NextAsync()).Type);
        Assert.Equal("left", (await after.NextAsync()).Type);

        async Task DeliverAsync()
        {
            await using var command = database.CreateCommand(
                "UPDATE webhook_deliveries SET state = 1, next_attempt_at = NULL, done_at = now() WHERE customer_id = $1");
            command.Parameters.Add(new NpgsqlParameter { Value = id });
            await command.ExecuteNonQueryAsync();
        }
    }

    [Theory]
    [InlineData("intersection", "a b")]
    [InlineData("difference", "a")]
    [InlineData("union", "")]
    public async Task Combined_AndSaved_RequiresWhatItsMembersNeededToBeInIt(string operation, string required)
    {
        var (a, b, key) = (NewName(), NewName(), NewName());
        foreach (var p in new[] { a, b })
        {
            (await Api.PutAsync($"purposes/{p}", "{}")).Expect(201);
            (await Api.PutAsync($"segments/of-{p}", Body(Everyone, Requires(p)))).Expect(201);
        }

        (await Api.PostAsync(
            "segments/combine", $$$"""{"operation":"{{{operation}}}","keys":["of-{{{a}}}","of-{{{b}}}"],"save":{"key":"{{{key}}}"} }"""))
            .Expect(201);
        var saved = (await Api.GetAsync($"segments/{key}")).Expect(200).Json;
        Assert.Equal(
            required.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => p == "a" ? a : b),
            saved.TryGetProperty("requiresConsent", out var kept) ? kept.EnumerateArray().Select(p => p.GetString()) : []);
    }

    [Fact]
    public async Task Patched_WithoutATime_IsSaidNow_AndNotWhenWhatStoodWas()
    {
        var (p, id) = (NewName(), NewName());
        (await Api.PutAsync($"purposes/{p}", "{}")).Expect(201);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        var (long0, late) = (now.AddDays(-90), now.AddDays(-40));
        (await Api.PutAsync($"customers/{id}/consents/{p}", $"{{\"granted\":true,\"at\":\"{long0:O}\",{Proof}}}")).Expect(200);
        (await Api.PatchAsync($"customers/{id}", $$$"""{"consents":{"{{{p}}}":{"granted":true} } }""")).Expect(200);
        Assert.Equal(long0, Truncated(await SaidAsync(), long0));
        (await Api.PatchAsync($"customers/{id}", $$$"""{"consents":{"{{{p}}}":{"granted":false} } }""")).Expect(200);
        Assert.InRange(await SaidAsync(), now, now.AddHours(1));

        // What was given before, and is known of only now, overturns it no more.
        (await Api.PutAsync($"customers/{id}/consents/{p}", $"{{\"granted\":true,\"at\":\"{late:O}\",{Proof}}}")).Expect(200);
        Assert.False((await Api.GetAsync($"customers/{id}/consents/{p}")).Expect(200)["granted"].GetBoolean());
        (await Api.PatchAsync(
            $"customers/{id}", $$$"""{"consents":{"{{{p}}}":{"granted":true,"at":"{{{late:O}}}"} } }""")).Expect(200);
        Assert.False((await Api.GetAsync($"customers/{id}/consents/{p}")).Expect(200)["granted"].GetBoolean());

        async Task<DateTimeOffset> SaidAsync() =>
            (await Api.GetAsync($"customers/{id}/consents/{p}")).Expect(200)["at"].GetDateTimeOffset();
    }

    [Fact]
    public async Task Expired_LeavesWhenItExpires_AndPreviewsOfTheFutureKnow()
    {
        var (p, id, key) = (NewName(), NewName(), NewName());
        (await Api.PutAsync($"purposes/{p}", """{"expiresAfterDays":10}""")).Expect(201);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        var rule = All(Is("customer.id", "=", $"\"{id}\""));
        (await Api.PutAsync($"segments/{key}", Body(rule, Requires(p)))).Expect(201);
        (await Api.PutAsync($"segments/{key}-field", Body(All(Is($"consent.{p}", "=", "true"))))).Expect(201);
        await Wait.UntilAsync(async () => await StateAsync(key) == "ready" && await StateAsync($"{key}-field") == "ready", "ready");

        var at = DateTimeOffset.UtcNow.AddDays(-10).AddSeconds(6);
        var given = (await Api.PutAsync($"customers/{id}/consents/{p}", $"{{\"granted\":true,\"at\":\"{at:O}\",{Proof}}}")).Expect(200);
        Assert.Equal((true, at.AddDays(10)), (given["granted"].GetBoolean(), Truncated(given["expiresAt"].GetDateTimeOffset(), at)));
        await Wait.UntilAsync(async () => (await ChangesAsync(key)).Count == 2, "left");
        Assert.Equal(["left consent", "joined consent"], await ChangesAsync(key));
        await Wait.UntilAsync(async () => (await ChangesAsync($"{key}-field")).Count == 2, "left");
        Assert.Equal("left time", (await ChangesAsync($"{key}-field"))[0]);
        Assert.False((await Api.GetAsync($"customers/{id}/consents/{p}")).Expect(200)["granted"].GetBoolean());

        // Kept for longer from now on, it stands again; and will not for ever.
        (await Api.PutAsync($"purposes/{p}", """{"expiresAfterDays":20}""")).Expect(200);
        await Wait.UntilAsync(async () => (await MembersAsync($"segments/{key}/members?fields=id")).SequenceEqual([id]), "in again");
        var future = Uri.EscapeDataString(now.AddDays(11).ToString("O", CultureInfo.InvariantCulture));
        Assert.Empty(await MembersAsync($"segments/{key}/members?fields=id&asOf={future}"));
        (await Api.PutAsync($"purposes/{p}", "{}")).Expect(200);
        Assert.Equal([id], await MembersAsync($"segments/{key}/members?fields=id&asOf={future}"));
    }

    [Fact]
    public async Task JoinedAsTimePasses_HasThatCause_WhateverTheSegmentRequires()
    {
        var (p, id, key) = (NewName(), NewName(), NewName());
        (await Api.PutAsync($"purposes/{p}", "{}")).Expect(201);
        var rule = All(
            Is("customer.id", "=", $"\"{id}\""),
            Is("temporal.signedUpAt", "<=", """{"mode":"relative","anchor":"now","offset":0,"unit":"minute"}"""));
        (await Api.PutAsync($"segments/{key}", Body(rule))).Expect(201);
        (await Api.PutAsync($"segments/{key}-gated", Body(rule, Requires(p)))).Expect(201);
        await Wait.UntilAsync(async () => await StateAsync(key) == "ready" && await StateAsync($"{key}-gated") == "ready", "ready");
        (await Api.PutAsync(
            $"customers/{id}",
            $$$"""{"signedUpAt":"{{{DateTimeOffset.UtcNow.AddSeconds(4):O}}}","consents":{"{{{p}}}":{"granted":true} } }""")).Expect(201);
        await Wait.UntilAsync(async () => (await ChangesAsync($"{key}-gated")).Count == 1 && (await ChangesAsync(key)).Count == 1, "in");
        Assert.Equal(["joined time"], await ChangesAsync(key));
        Assert.Equal(["joined time"], await ChangesAsync($"{key}-gated"));
    }

    [Fact]
    public async Task Restricted_IsAMemberOfNothing_AndShowsIt()
    {
        var (id, key) = (NewName(), NewName());
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        var rule = All(Is("customer.id", "=", $"\"{id}\""));
        (await Api.PutAsync($"segments/{key}", Body(rule))).Expect(201);
        (await Api.PutAsync($"segments/{key}-hand", """{"kind":"manual"}""")).Expect(201);
        (await Api.PutAsync($"segments/{key}-hand/members/{id}", "")).Expect(200);
        await Wait.UntilAsync(async () => await StateAsync(key) == "ready", "ready");

        Assert.Equal(["/reason"], (await Api.PutAsync($"customers/{id}/restriction", """{"reason":" "}""")).Expect(400).Faults);
        (await Api.PutAsync("customers/nobody/restriction", """{"reason":"r"}""")).Expect(404);
        var restricted = (await Api.PutAsync($"customers/{id}/restriction", """{"reason":"objects"}""")).Expect(200);
        Assert.Equal("objects", restricted["restrictionReason"].GetString());
        Assert.True((await Api.GetAsync($"customers/{id}")).Expect(200)["restricted"].GetBoolean());
        var export = (await Api.GetAsync("customers/export?format=csv")).Expect(200).Body.Split("\r\n");
        var column = Array.IndexOf(export[0].Split(','), "restricted");
        Assert.Equal("true", export.Single(line => line.StartsWith($"{id},", StringComparison.Ordinal)).Split(',')[column]);
        Assert.Contains("objects", (await Api.GetAsync($"customers/{id}/data")).Expect(200).Body);

        // What is written of it later changes nothing of that.
        (await Api.PutAsync($"customers/{id}", """{"firstName":"A"}""")).Expect(200);
        (await Api.SendAsync("POST", "customers/import?mode=replace", $"id,email\n{id},a@b.c", "text/csv")).Expect(200);
        await Wait.UntilAsync(async () => (await ChangesAsync(key)).Count == 2, "left");
        Assert.Equal("left restriction", (await ChangesAsync(key))[0]);
        Assert.Empty(await MembersAsync($"segments/{key}/members?fields=id"));
        Assert.Empty(await MembersAsync($"segments/{key}-hand/members?fields=id"));
        Assert.Equal(0, (await Api.PostAsync("segments/preview", Body(rule))).Expect(200)["count"].GetInt64());
        var explained = (await Api.GetAsync($"segments/{key}/explain/{id}")).Expect(200);
        Assert.Equal((false, true), (explained["matched"].GetBoolean(), explained["restricted"].GetBoolean()));

        (await Api.DeleteAsync($"customers/{id}/restriction")).Expect(204);
        (await Api.DeleteAsync($"customers/{id}/restriction")).Expect(204);
        Assert.False((await Api.GetAsync($"customers/{id}")).Expect(200).Json.TryGetProperty("restricted", out _));
        await Wait.UntilAsync(async () => (await ChangesAsync(key)).Count == 3, "joined again");
        Assert.Equal("joined restriction", (await ChangesAsync(key))[0]);
        Assert.Equal(
            ["customers.unrestrict", "customers.restrict"],
            (await Api.AllAsync("audit")).Select(e => e.GetProperty("action").GetString()!)
                .Where(a => a.Contains("restrict", StringComparison.Ordinal)).Take(2));
    }

    [Fact]
    public async Task Definition_KeepsItsPurposes_WarnsOfWhomItLeavesOut_AndSaysWhatIsWrong()
    {
        var (p, key) = (NewName(), NewName());
        (await Api.PutAsync($"purposes/{p}", "{}")).Expect(201);
        (await Api.PutAsync($"segments/{key}", Body(Everyone, Requires(p)))).Expect(201);
        Assert.Equal(
            ["/requiresConsent/1"], (await Api.PutAsync($"segments/{key}", Body(Everyone, Requires(p, "nobodys")))).Expect(400).Faults);
        Assert.Equal(
            ["/requiresConsent"],
            (await Api.PutAsync($"segments/{key}", Body(Everyone, Requires([.. Enumerable.Repeat(p, 11)])))).Expect(400).Faults);
        (await Api.PutAsync($"segments/{key}", Body(Everyone, "\"requiresConsent\":[null]"))).Expect(400);
        Assert.Contains(key, (await Api.DeleteAsync($"purposes/{p}")).Expect(409)["title"].GetString());

        // A version knows it, and a restored one has it again.
        (await Api.PutAsync($"segments/{key}", Body(Everyone))).Expect(200);
        (await Api.PostAsync($"segments/{key}/versions/1/restore", "")).Expect(200);
        Assert.Equal(p, (await Api.GetAsync($"segments/{key}")).Expect(200)["requiresConsent"].EnumerateArray().Single().GetString());

        Assert.Equal(
            $"anyone; only who has consented to {p}",
            (await Api.PostAsync("segments/validate", Body(Everyone, Requires(p)))).Expect(200)["description"].GetString());
        Assert.Contains(
            $"consented to {p}", (await Api.GetAsync($"segments/{key}/brief?format=json")).Expect(200).Body, StringComparison.Ordinal);
        var negated = $$"""{"not":true,"combinator":"and","rules":[{{In(key)}}]}""";
        var warned = (await Api.PostAsync(
            "segments/validate", Body(All(In(key), Is("segment", "notIn", $"[\"{key}\"]"), negated)))).Expect(200)["warnings"];
        Assert.Equal(["/rule/rules/1", "/rule/rules/2/rules/0"], warned.EnumerateObject().Select(w => w.Name));
        Assert.Contains(p, warned.GetProperty("/rule/rules/1")[0].GetString());
        Assert.Equal(
            ["/requiresConsent/0"],
            (await Api.PostAsync("segments/validate", Body(Everyone, Requires("nobodys")))).Expect(200)["errors"]
                .EnumerateObject().Select(e => e.Name));
        (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        (await Api.DeleteAsync($"purposes/{p}")).Expect(204);
    }

    [Fact]
    public async Task Playbook_KeepsThePurposeThatItRequires_AndHeedsExpiryAndRestriction()
    {
        var (p, id, key) = (NewName(), NewName(), NewName());
        (await Api.PutAsync($"purposes/{p}", """{"expiresAfterDays":1}""")).Expect(201);
        (await Api.PutAsync($"placements/{key}", """{"name":"P","type":"object"}""")).Expect(201);
        (await Api.PutAsync(
            $"playbooks/{key}",
            $$"""
            {"name":"B","goal":"G","status":"active","requiresConsent":"{{p}}",
             "plays":[{"key":"a","placement":"{{key}}","content":{"x":1} }]}
            """)).Expect(201);
        Assert.Contains(key, (await Api.DeleteAsync($"purposes/{p}")).Expect(409)["title"].GetString());
        (await Api.PutAsync($"customers/{id}", $$$"""{"consents":{"{{{p}}}":{"granted":true} } }""")).Expect(201);
        Assert.Equal("play", await DecideAsync());
        (await Api.PutAsync($"customers/{id}/restriction", """{"reason":"objects"}""")).Expect(200);
        Assert.NotEqual("play", await DecideAsync());
        (await Api.DeleteAsync($"customers/{id}/restriction")).Expect(204);
        Assert.Equal("play", await DecideAsync());
        var long0 = NewName();
        (await Api.PutAsync(
            $"customers/{long0}", $$$"""{"consents":{"{{{p}}}":{"granted":true,"at":"2020-01-01T00:00:00Z"} } }""")).Expect(201);
        id = long0;
        Assert.NotEqual("play", await DecideAsync());

        async Task<string?> DecideAsync() => (await Api.PostAsync(
            "decisions", $$"""{"visitorId":"v","customerId":"{{id}}","placements":["{{key}}"],"record":false}"""))
            .Expect(200)["decisions"][0].GetProperty("source").GetString();
    }

    private async Task CheckNowAsync(World world, World.Segment segment)
    {
        string[] expected = [.. world.People.Where(p => segment.IsMember(p, now)).Select(p => p.Id).Order(StringComparer.Ordinal)];
        await Wait.UntilAsync(
            async () => (await MembersAsync($"segments/{segment.Key}/members?fields=id")).SequenceEqual(expected),
            $"{segment.Key} has {string.Join(' ', expected)}");
        Assert.Equal(expected, await MembersAsync($"segments/{segment.Key}/members?fields=id&live=true"));
        Assert.Equal(expected.Length, (await Api.GetAsync($"segments/{segment.Key}/count?live=true")).Expect(200)["count"].GetInt64());
        if (segment.Rule is { } rule)
        {
            var body = Body(rule, $"\"sampleSize\":100,{Requires(segment.Requires)}");
            var preview = (await Api.PostAsync("segments/preview", body)).Expect(200);
            Assert.Equal(
                expected,
                preview["sample"].EnumerateArray().Select(c => c.GetProperty("id").GetString()!).Order(StringComparer.Ordinal));
        }

        if (segment.Key != world.Base)
        {
            var all = (await Api.PostAsync(
                "segments/combine", $$"""{"operation":"intersection","keys":["{{segment.Key}}","{{world.Base}}"],"sampleSize":9}"""))
                .Expect(200);
            Assert.Equal(
                world.People.Count(p => segment.IsMember(p, now) && world.Segments[0].IsMember(p, now)), all["count"].GetInt64());
        }

        foreach (var person in world.People.Take(6))
        {
            var explained = (await Api.GetAsync($"segments/{segment.Key}/explain/{person.Id}")).Expect(200);
            Assert.Equal(segment.IsMember(person, now), explained["matched"].GetBoolean());
            if (segment.Requires is not [])
            {
                var consents = explained["consents"];
                Assert.Equal(segment.Requires, consents.GetProperty("requiresConsent").EnumerateArray().Select(c => c.GetString()));
                Assert.Equal(segment.Requires.All(c => person.HasGranted(c, now)), consents.GetProperty("matched").GetBoolean());
                Assert.All(segment.Requires, c => Assert.Equal(
                    person.HasGranted(c, now), consents.GetProperty("actual").GetProperty(c).GetBoolean()));
            }
        }
    }

    // By the records up to then.
    private async Task CheckThenAsync(World world, World.Segment segment, DateTimeOffset then, Random random)
    {
        var asOf = $"asOf={Uri.EscapeDataString(then.ToString("O", CultureInfo.InvariantCulture))}";
        string[] expected = [.. world.People.Where(p => segment.IsMember(p, then)).Select(p => p.Id).Order(StringComparer.Ordinal)];
        Assert.Equal(expected, await MembersAsync($"segments/{segment.Key}/members?fields=id&{asOf}"));
        var one = world.People[random.Next(world.People.Count)];
        Assert.Equal(
            segment.IsMember(one, then),
            (await Api.GetAsync($"segments/{segment.Key}/members/{one.Id}?{asOf}")).Expect(200)["member"].GetBoolean());
        Assert.Equal(
            segment.IsMember(one, then),
            (await Api.GetAsync($"segments/{segment.Key}/explain/{one.Id}?{asOf}")).Expect(200)["matched"].GetBoolean());
    }

    private static string NewName() => $"gate{Interlocked.Increment(ref made)}";

    private static string Requires(params string[] purposes) => $"\"requiresConsent\":{JsonSerializer.Serialize(purposes)}";

    private static DateTimeOffset Truncated(DateTimeOffset answered, DateTimeOffset at) => answered.AddTicks(at.Ticks % 10);

    private async Task<string?> StateAsync(string key) =>
        (await Api.GetAsync($"segments/{key}")).Expect(200)["state"].GetProperty("status").GetString();

    private async Task<List<string>> MembersAsync(string path) =>
        [.. (await Api.AllAsync(path)).Select(m => m.GetProperty("id").GetString()!).Order(StringComparer.Ordinal)];

    private async Task<List<string>> ChangesAsync(string key) =>
        [.. (await Api.AllAsync($"segments/{key}/changes")).Select(c => $"{c.GetProperty("change")} {c.GetProperty("cause")}")];

    private async Task<List<string>> DeliveriesAsync(JsonElement hook) =>
        [.. (await Api.AllAsync($"webhooks/{hook}/deliveries")).Select(d => d.GetRawText())];

    /// <summary>Customers with records of consents, and segments that require some; and who is in them, by a model.</summary>
    private sealed class World(Api api, string name)
    {
        public List<Person> People { get; } = [];

        public List<Segment> Segments { get; } = [];

        public string Base => $"{name}-base";

        public bool Has(string key) => key.StartsWith($"{name}-", StringComparison.Ordinal);

        public async Task CreateAsync(Random random, int customers)
        {
            string[] purposes = [$"{name}a", $"{name}b", $"{name}c"];
            foreach (var purpose in purposes)
            {
                var expiry = purpose[^1] == 'c' ? $"\"expiresAfterDays\":{ExpiryDays}" : "";
                (await api.PutAsync($"purposes/{purpose}", $"{{{expiry}}}")).Expect(201);
            }

            for (var i = 0; i < customers; i++)
            {
                var person = new Person($"{name}-{i}", random.Next(3) > 0, random.Next(2) == 0);
                People.Add(person);
                var lastName = $"{name} {(person.IsMatch ? "in" : "out")}";
                (await api.PutAsync($"customers/{person.Id}", $"{{\"lastName\":\"{lastName}\"}}")).Expect(201);
                for (var n = random.Next(8); n > 0; n--)
                {
                    await RecordAsync(random, person, purposes[random.Next(3)]);
                }
            }

            var (a, b, c) = (purposes[0], purposes[1], purposes[2]);
            var rule = All(Is("customer.lastName", "=", $"\"{name} in\""));
            await AddAsync("base", rule, [], p => p.IsMatch);
            await AddAsync("one", rule, [a], p => p.IsMatch);
            await AddAsync("two", rule, [b, a], p => p.IsMatch, isActive: false);
            await AddAsync("expiring", rule, [c], p => p.IsMatch);
            await AddAsync("hand", null, [a], p => p.IsByHand);
            await AddAsync("within", All(In($"{name}-one")), [b], Members("one"));
            await AddAsync("draft", All(In($"{name}-two")), [], Members("two"));
            await AddAsync("by-hand", All(In($"{name}-hand")), [], Members("hand"));
            await AddAsync("outside", Without("two"), [], Outside("two"));
            await AddAsync("outside-hand", Without("hand"), [], Outside("hand"));
            await AddAsync("outside-expiring", Without("expiring"), [a], Outside("expiring"));
            var field = All(Is("customer.lastName", "=", $"\"{name} in\""), Is($"consent.{c}", "=", "true"));
            await AddAsync("field", field, [], p => p.IsMatch);
            Segments[^1] = Segments[^1] with { MatchesAt = (p, at) => p.IsMatch && p.HasGranted(c, now, at) };

            string Without(string key) =>
                All(Is("customer.lastName", "beginsWith", $"\"{name}\""), Is("segment", "notIn", $"[\"{name}-{key}\"]"));
            Func<Person, DateTimeOffset, bool> Members(string key) =>
                (p, at) => Segments.Single(s => s.Key == $"{name}-{key}").IsMember(p, at);
            Func<Person, DateTimeOffset, bool> Outside(string key) => (p, at) => !Members(key)(p, at);
        }

        public async Task ChangeAsync(Random random)
        {
            var person = People[random.Next(People.Count)];
            if (random.Next(6) == 0)
            {
                person.IsRestricted = !person.IsRestricted;
                (await (person.IsRestricted
                    ? api.PutAsync($"customers/{person.Id}/restriction", """{"reason":"r"}""")
                    : api.DeleteAsync($"customers/{person.Id}/restriction"))).Expect(200, 204);
            }
            else
            {
                await RecordAsync(random, person, $"{name}{"abc"[random.Next(3)]}");
            }
        }

        private async Task RecordAsync(Random random, Person person, string purpose)
        {
            var record = (At: now.AddDays(-random.Next(100)), Granted: random.Next(3) > 0);
            person.Record(purpose, record.At, record.Granted);
            (await api.PutAsync(
                $"customers/{person.Id}/consents/{purpose}",
                $"{{\"granted\":{(record.Granted ? "true" : "false")},\"at\":\"{record.At:O}\",{Proof}}}")).Expect(200);
        }

        private Task AddAsync(string key, string? rule, string[] requires, Func<Person, bool>? matches, bool isActive = true) =>
            AddAsync(key, rule, requires, (p, _) => matches?.Invoke(p) == true, isActive);

        private async Task AddAsync(
            string key, string? rule, string[] requires, Func<Person, DateTimeOffset, bool> matches, bool isActive = true)
        {
            Segments.Add(new Segment($"{name}-{key}", rule, requires, isActive) { MatchesAt = matches });
            var status = $"\"status\":\"{(isActive ? "active" : "draft")}\",{Requires(requires)}";
            (await api.PutAsync(
                $"segments/{name}-{key}", rule is null ? $"{{\"kind\":\"manual\",{status}}}" : Body(rule, status))).Expect(201);
            foreach (var person in rule is null ? People.Where(p => p.IsByHand) : [])
            {
                (await api.PutAsync($"segments/{name}-{key}/members/{person.Id}", "")).Expect(200);
            }
        }

        public sealed record Segment(string Key, string? Rule, string[] Requires, bool IsActive)
        {
            public required Func<Person, DateTimeOffset, bool> MatchesAt { get; init; }

            public bool IsMember(Person person, DateTimeOffset at) =>
                !person.IsRestricted && Requires.All(c => person.HasGranted(c, at)) && MatchesAt(person, at);
        }

        public sealed record Person(string Id, bool IsMatch, bool IsByHand)
        {
            private readonly List<(string Purpose, DateTimeOffset At, bool Granted)> records = [];

            public bool IsRestricted { get; set; }

            public void Record(string purpose, DateTimeOffset at, bool granted) => records.Add((purpose, at, granted));

            public bool HasGranted(string purpose, DateTimeOffset at) => HasGranted(purpose, at, at);

            // By the records up to an instant, and not expired at another.
            public bool HasGranted(string purpose, DateTimeOffset until, DateTimeOffset at)
            {
                var last = records.Where(r => r.Purpose == purpose && r.At <= until).Index()
                    .OrderBy(r => r.Item.At).ThenBy(r => r.Index).Select(r => r.Item).LastOrDefault();
                return last.Granted && (purpose[^1] != 'c' || last.At > at.AddDays(-ExpiryDays));
            }
        }
    }
}
