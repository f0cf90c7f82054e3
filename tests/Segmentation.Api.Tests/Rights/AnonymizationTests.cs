using System.Text.Json;
using Npgsql;
using Segmentation.Api.Tests.Streams;

namespace Segmentation.Api.Tests.Rights;

/// <summary>What an anonymous customer loses, what it keeps, and that nothing leads from who it was to who it is.</summary>
public sealed class AnonymizationTests(ErasureWorld world) : IClassFixture<ErasureWorld>
{
    private const string Profile =
        """
        {"email":"EMAIL","firstName":"Ada","lastName":"Lovelace","signedUpAt":"2024-03-01T10:00:00Z",
         "demographic":{"birthDate":"1990-07-14","gender":"female","occupation":"analyst","income":50000},
         "geographic":{"country":"DE","region":"BE","city":"Berlin","postalCode":"10115","timeZone":"Europe/Berlin","climate":"temperate",
           "location":{"latitude":52.5321,"longitude":13.3849} },
         "psychographic":{"interests":["chess"],"lifestyle":"mindful"},
         "attributes":{"anonPlan":"pro","anonNote":"tall","anonSecret":"s","anonTags":["a"],"anonSeats":7,"anonSince":"2024-05-06"},
         "consents":{"email":{"granted":true} } }
        """;

    private Api Api => world.Api;

    [Fact]
    public async Task Anonymize_TakesOutWhatTellsWhoItIs_AndLeavesTheRest()
    {
        var id = await MakeAsync();
        (await Api.PutAsync($"customers/{id}/restriction", """{"reason":"objects"}""")).Expect(200);
        (await Api.PostAsync(
            "events",
            $$"""
            [{"id":"{{id}}-1","customerId":"{{id}}","type":"order_completed","amount":20,"channel":"Web",
              "properties":{"plan":"Gold","sku":"S1"} },
             {"id":"{{id}}-2","customerId":"{{id}}","type":"page_viewed","properties":{"url":"/me"} },
             {"customerId":"{{id}}","type":"feedback_given","properties":{"comment":"I am Ada","nps":9} }]
            """)).Expect(200);
        var before = (await Api.GetAsync($"customers/{id}")).Expect(200);

        var (receipt, anonymous) = await world.AnonymizeAsync(id);

        Assert.Matches("^anon_[A-Za-z0-9_-]{22}$", anonymous);
        Assert.Matches("^er_[A-Za-z0-9_-]{22}$", receipt);
        (await Api.GetAsync($"customers/{id}")).Expect(404);
        (await Api.PostAsync($"customers/{id}/anonymize", "")).Expect(404);
        var now = (await Api.GetAsync($"customers/{anonymous}")).Expect(200);
        foreach (var gone in new[] { "email", "firstName", "lastName", "restricted" })
        {
            Assert.False(now.Json.TryGetProperty(gone, out _), gone);
        }

        AssertJson(
            """
            {"country":"DE","region":"BE","city":"Berlin","timeZone":"Etc/GMT-1","climate":"temperate",
             "location":{"latitude":52.5,"longitude":13.4} }
            """, now["geographic"]);
        AssertJson("""{"anonPlan":"pro","anonSeats":7,"anonSince":"2024-05-06"}""", now["attributes"]);
        Assert.Equal(
            ("1990-01-01", "female", "analyst", 50000),
            (now["demographic"].GetProperty("birthDate").GetString(), now["demographic"].GetProperty("gender").GetString(),
                now["demographic"].GetProperty("occupation").GetString(), now["demographic"].GetProperty("income").GetInt32()));
        foreach (var same in new[] { "psychographic", "value", "behavioral", "signedUpAt", "createdAt", "updatedAt" })
        {
            AssertJson(before[same].GetRawText(), now[same]);
        }

        // The order's event keeps the property that the setting names.
        var events = (await Api.GetAsync($"customers/{anonymous}/events")).Expect(200)["items"].EnumerateArray().ToList();
        Assert.Equal(3, events.Count);
        Assert.All(events, e => Assert.StartsWith($"{anonymous}_", e.GetProperty("id").GetString(), StringComparison.Ordinal));
        Assert.Equal(3, events.Select(e => e.GetProperty("id").GetString()).Distinct().Count());
        var order = events.Single(e => e.GetProperty("type").GetString() == "order_completed");
        AssertJson("""{"plan":"Gold"}""", order.GetProperty("properties"));
        Assert.Equal((20, "Web"), (order.GetProperty("amount").GetInt32(), order.GetProperty("channel").GetString()));
        Assert.All(events.Where(e => e.GetProperty("type").GetString() != "order_completed"), e =>
            Assert.False(e.TryGetProperty("properties", out _)));
        AssertJson("{}", now["consents"]);
        Assert.Empty((await Api.GetAsync($"customers/{anonymous}/consents")).Expect(200)["items"].EnumerateArray());

        await world.CompleteAsync(receipt);
        var shown = await world.ReceiptAsync(receipt);
        Assert.Equal("anonymize", shown["kind"].GetString());
        Assert.Equal((3, 1), (Removed(shown, "eventIds"), Removed(shown, "consents")));
        Assert.Equal([], await world.SearchAllAsync(id));

        // The id does not come back by what is late; by a new sign-up it is somebody else.
        var late = $$"""{"customerId":"{{id}}","type":"a","occurredAt":"{{DateTimeOffset.UtcNow.AddDays(-1):O}}"}""";
        (await Api.PostAsync("events", late)).Expect(400);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        Assert.Equal(0, (await Api.GetAsync($"customers/{id}")).Expect(200)["behavioral"].GetProperty("eventCount").GetInt32());
    }

    [Theory]
    [InlineData("Asia/Kolkata", null)] // Half an hour away, for which there is no zone without a place.
    [InlineData("America/New_York", "Etc/GMT+5")]
    [InlineData("Pacific/Kiritimati", "Etc/GMT-14")]
    [InlineData("Europe/London", "UTC")]
    [InlineData("Etc/GMT+3", "Etc/GMT+3")]
    public async Task Anonymize_TimeZone_LosesItsPlace(string zone, string? left)
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", $$"""{"geographic":{"timeZone":"{{zone}}"} }""")).Expect(201);
        var (_, anonymous) = await world.AnonymizeAsync(id);
        var now = (await Api.GetAsync($"customers/{anonymous}")).Expect(200);
        var geographic = now.Json.TryGetProperty("geographic", out var part) ? part : JsonElement.Parse("{}");
        Assert.Equal(left, geographic.TryGetProperty("timeZone", out var name) ? name.GetString() : null);
    }

    [Fact]
    public async Task Anonymize_OfAMember_StaysByWhatIsLeft_AndNobodyIsToldWhoItIs()
    {
        var (id, other) = (await MakeAsync(), await MakeAsync());
        (await Api.PostAsync("webhooks", """{"url":"https://receiver.invalid/hook"}""")).Expect(201);
        var (stays, goes, comes, by) = ($"stays-{id}", $"goes-{id}", $"comes-{id}", $"by-{id}");
        await SegmentAsync(stays, """{"field":"attributes.anonPlan","operator":"=","value":"pro"}""");
        await SegmentAsync(goes, """{"field":"customer.email","operator":"notNull"}""");
        await SegmentAsync(comes, """{"field":"geographic.postalCode","operator":"null"}""");
        await SegmentAsync(by, """{"field":"behavioral.eventCount","operator":">","value":0}""");
        (await Api.PostAsync("events", $$"""{"id":"{{id}}-ev","customerId":"{{id}}","type":"a"}""")).Expect(200);
        await UntilMemberAsync(stays, id, true);
        await UntilMemberAsync(goes, id, true);
        await UntilMemberAsync(by, id, true);
        using var client = new HttpClient { BaseAddress = Api.Client.BaseAddress };
        await using var stream = await Listener.OpenAsync(client, stays);
        await using var leaving = await Listener.OpenAsync(client, goes);
        await using var coming = await Listener.OpenAsync(client, comes);
        foreach (var listener in new[] { stream, leaving, coming })
        {
            Assert.Equal("hello", (await listener.NextAsync()).Type);
        }

        // It was in another one, and who follows that has not heard yet that it left.
        var was = $"was-{id}";
        await SegmentAsync(was, """{"field":"demographic.children","operator":"=","value":11}""");
        foreach (var (children, isIn) in new[] { ("11", true), ("null", false) })
        {
            (await Api.PatchAsync($"customers/{id}", $$$"""{"demographic":{"children":{{{children}}}}}""")).Expect(200);
            await UntilMemberAsync(was, id, isIn);
        }

        var sizes = await SizesAsync(stays, goes, comes);
        var since = await SinceAsync(stays, id);

        // A body means something, and here it would be lost.
        (await Api.PostAsync($"customers/{id}/anonymize", """{"dryRun":true}""")).Expect(415);
        var (receipt, anonymous) = await world.AnonymizeAsync(id);

        await UntilMemberAsync(goes, anonymous, false);
        await UntilMemberAsync(comes, anonymous, true);
        await UntilMemberAsync(stays, anonymous, true);
        await UntilMemberAsync(by, anonymous, true);
        Assert.Equal([sizes[0], sizes[1] - 1, sizes[2] + 1], await SizesAsync(stays, goes, comes));

        // It is in it since it was, and what brought it in has no id that was sent.
        Assert.Equal(since, await SinceAsync(stays, anonymous));
        Assert.Equal(0, await world.CountAsync($"SELECT count(*) FROM memberships WHERE joined_event LIKE '{id}%'"));

        // Followers are told that the old id has left. Then somebody else moves, so that whatever else there was has come before.
        (await Api.DeleteAsync($"customers/{other}")).Expect(204);
        foreach (var listener in new[] { stream, leaving })
        {
            Assert.Equal([("left", id), ("left", other)], (await listener.NextAsync(2)).Select(e => e.Named));
        }

        var third = NewId();
        (await Api.PutAsync($"customers/{third}", "{}")).Expect(201);
        Assert.Equal(("joined", third), (await coming.NextAsync()).Named);
        Assert.Equal(0, await world.CountAsync($"SELECT count(*) FROM webhook_deliveries WHERE customer_id = '{anonymous}'"));
        Assert.Equal(
            0, await world.CountAsync($"SELECT count(*) FROM webhook_deliveries WHERE customer_id = '{id}' AND (joined OR cause <> 8)"));

        // No message has the instant of a stay that is the anonymous one's by now, nor does a list of changes have that of what it joined.
        Assert.Equal(0, await world.CountAsync(
            $"""
            SELECT count(*) FROM webhook_deliveries d, memberships m JOIN customers c ON c.key = m.customer_key
                JOIN membership_batches b ON b.id = m.left_batch OR (b.id = m.joined_batch AND m.joined_cause <> 8)
            WHERE d.customer_id = '{id}' AND c.id = '{anonymous}' AND b.at IN (d.at, d.queued_at)
            """));
        Assert.DoesNotContain(
            anonymous, (await Api.AllAsync($"segments/{comes}/changes")).Select(c => c.GetProperty("customerId").GetString()));
        Assert.DoesNotContain(
            comes, (await Api.AllAsync($"customers/{anonymous}/changes")).Select(c => c.GetProperty("segment").GetString()));

        // Those who are still told are kept with the old id, beside nothing that leads to the new one.
        Assert.Equal(0, await world.CountAsync(
            $"""
            SELECT count(*) FROM customers c WHERE c.id = '{anonymous}' AND (EXISTS (SELECT FROM erased_members WHERE customer_key = c.key)
                OR EXISTS (SELECT FROM erasure_queue WHERE customer_key = c.key))
            """));
        Assert.Equal(2, await world.CountAsync($"SELECT count(DISTINCT segment_id) FROM erased_members WHERE customer_id = '{id}'") - 1);
        await world.CompleteAsync(receipt);
        Assert.Equal(
            [], (await world.SearchAllAsync(anonymous)).Except(["customers", "events", "pg_stats of customers", "pg_stats of events"]));
        foreach (var key in new[] { stays, goes, comes, by, was })
        {
            (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        }
    }

    [Fact]
    public async Task Anonymize_AmongOtherChanges_IsToldAllTheSame()
    {
        var id = await MakeAsync();
        var segment = $"among-{Guid.NewGuid():N}";
        await SegmentAsync(segment, """{"field":"attributes.anonPlan","operator":"=","value":"pro"}""");
        await UntilMemberAsync(segment, id, true);
        using var client = new HttpClient { BaseAddress = Api.Client.BaseAddress };
        await using var stream = await Listener.OpenAsync(client, segment);
        Assert.Equal("hello", (await stream.NextAsync()).Type);

        // The leader waits in the midst of something, and then reads all that has come meanwhile together.
        await using (var connection = await world.Database.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand("SELECT FROM membership_leader FOR UPDATE", connection, transaction);
            await hold.ExecuteNonQueryAsync();
            (await Api.PutAsync($"customers/{NewId()}", "{}")).Expect(201);
            await Wait.UntilAsync(
                async () => await world.CountAsync(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%membership_leader%'") > 0,
                "the leader waits");
            await world.AnonymizeAsync(id);
            (await Api.PutAsync($"customers/{NewId()}", "{}")).Expect(201);
            await transaction.CommitAsync();
        }

        var other = await MakeAsync();
        Assert.Equal([("left", id), ("joined", other)], (await stream.NextAsync(2)).Select(e => e.Named));
        (await Api.DeleteAsync($"segments/{segment}")).Expect(204);
    }

    [Fact]
    public async Task Anonymize_InAListOfFew_Is409_AndOfMoreItStays()
    {
        var id = await MakeAsync();
        (await Api.PutAsync($"segments/few-{id}", """{"name":"few","status":"active","kind":"manual"}""")).Expect(201);
        (await Api.PutAsync($"segments/few-{id}/members/{id}", "{}")).Expect(200, 201, 204);
        for (var i = 0; i < 5; i++)
        {
            var refused = (await Api.PostAsync($"customers/{id}/anonymize", "")).Expect(409);
            Assert.Contains($"few-{id}", refused["title"].GetString(), StringComparison.Ordinal);
            (await Api.GetAsync($"customers/{id}")).Expect(200);
            (await Api.PutAsync($"customers/{id}-{i}", "{}")).Expect(201);
            (await Api.PutAsync($"segments/few-{id}/members/{id}-{i}", "{}")).Expect(200, 201, 204);
        }

        // Who is restricted is in the list, and no member.
        (await Api.PutAsync($"customers/{id}-0/restriction", """{"reason":"r"}""")).Expect(200);
        (await Api.PostAsync($"customers/{id}/anonymize", "")).Expect(409);
        (await Api.DeleteAsync($"customers/{id}-0/restriction")).Expect(204);
        var (_, anonymous) = await world.AnonymizeAsync(id);

        await UntilMemberAsync($"few-{id}", anonymous, true);
        (await Api.DeleteAsync($"segments/few-{id}")).Expect(204);
    }

    [Fact]
    public async Task Anonymize_OfManyEvents_ChangesAllOfThem_WhereverItIsStopped()
    {
        var id = NewId();
        var sku = $"sku-{Guid.NewGuid():N}";
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        await world.ExecuteAsync(
            $$"""
            INSERT INTO events (customer_key, id, type, occurred_at, properties)
            SELECT c.key, '{{id}}-' || i, 'x', now(), '{"sku":"{{id}}"}' FROM customers c, generate_series(1, 25000) i WHERE c.id = '{{id}}'
            """);
        await SegmentAsync(sku, $$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":1},
             "value":{"combinator":"and","rules":[{"field":"properties.sku","operator":"notNull","value":null}]} }
            """);
        await UntilMemberAsync(sku, id, true);

        var (receipt, anonymous) = await world.AnonymizeAsync(id);

        await world.CompleteAsync(receipt);
        const string Ids = "SELECT sum(hashtext(id))::bigint FROM events";
        var ids = await world.CountAsync(Ids);

        // As after a stop before it was noted as done: from the beginning, and nothing is done twice.
        await world.ExecuteAsync(
            $"""
            INSERT INTO erasure_queue (erasure_id, customer_key, order_key, has_events)
            SELECT e.id, c.key, 0, true FROM erasures e, customers c WHERE e.receipt = '{receipt}' AND c.id = '{anonymous}'
            """);
        await Wait.UntilAsync(
            async () => await world.CountAsync("SELECT count(*) FROM erasure_queue WHERE has_events") == 0, "it is done again");
        Assert.Equal(ids, await world.CountAsync(Ids));
        Assert.Equal(25_000, Removed(await world.ReceiptAsync(receipt), "eventIds"));
        Assert.Equal(25_000, await world.CountAsync(
            $"SELECT count(*) FROM events WHERE starts_with(id, '{anonymous}_') AND properties IS NULL"));
        await UntilMemberAsync(sku, anonymous, false);
        (await Api.DeleteAsync($"segments/{sku}")).Expect(204);
        Assert.Equal([], await world.SearchAllAsync(id));

        // And then it is erased like anybody.
        var erased = await world.EraseAsync(anonymous);
        await world.CompleteAsync(erased);
        Assert.Equal([], await world.SearchAllAsync(anonymous));
    }

    private async Task<string> MakeAsync()
    {
        foreach (var (name, more) in new[]
        {
            ("anonPlan", "\"type\":\"text\",\"keepAnonymous\":true"), ("anonNote", "\"type\":\"text\""),
            ("anonSecret", "\"type\":\"text\",\"keepAnonymous\":true,\"sensitive\":true"), ("anonTags", "\"type\":\"set\""),
            ("anonSeats", "\"type\":\"integer\""), ("anonSince", "\"type\":\"date\""),
        })
        {
            (await Api.PutAsync($"attributes/{name}", $$"""{"kind":"value",{{more}}}""")).Expect(200, 201);
        }

        var id = NewId();
        (await Api.PutAsync($"customers/{id}", Profile.Replace("EMAIL", $"{id}@example.com", StringComparison.Ordinal))).Expect(201);
        return id;
    }

    private async Task SegmentAsync(string key, string rule) => (await Api.PutAsync(
        $"segments/{key}", $$"""{"name":"x","status":"active","rule":{"combinator":"and","rules":[{{rule}}]} }""")).Expect(201);

    // As it is told at once, and as the leader has stored it.
    private Task UntilMemberAsync(string segment, string id, bool member) => Wait.UntilAsync(
        async () => (await Api.GetAsync($"segments/{segment}/members/{id}")) is { Status: 200 } answer
            && answer["member"].GetBoolean() == member
            && await world.CountAsync(
                $"""
                SELECT count(*) FROM memberships m JOIN customers c ON c.key = m.customer_key JOIN segments s ON s.id = m.segment_id
                WHERE s.key = '{segment}' AND c.id = '{id}' AND m.left_batch IS NULL
                """) == (member ? 1 : 0),
        $"{id} is {(member ? "" : "not ")}in {segment}");

    // Once all is evaluated: what is stored is what the rules say.
    private async Task<long[]> SizesAsync(params string[] segments)
    {
        var sizes = new List<long>();
        foreach (var key in segments)
        {
            long live = -1;
            await Wait.UntilAsync(
                async () =>
                {
                    live = (await Api.GetAsync($"segments/{key}/count?live=true")).Expect(200)["count"].GetInt64();
                    return live == (await Api.GetAsync($"segments/{key}/count")).Expect(200)["count"].GetInt64();
                },
                $"{key} is evaluated");
            sizes.Add(live);
        }

        return [.. sizes];
    }

    private async Task<string> SinceAsync(string segment, string id) =>
        (await Api.GetAsync($"customers/{id}/segments")).Expect(200)["items"].EnumerateArray()
            .Single(s => s.GetProperty("key").GetString() == segment).GetProperty("since").GetString()!;

    private static void AssertJson(string expected, JsonElement actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), actual), actual.GetRawText());

    private static long Removed(Answer receipt, string what) => receipt["removed"].GetProperty(what).GetInt64();

    private static string NewId() => $"an{Guid.NewGuid():N}";
}
