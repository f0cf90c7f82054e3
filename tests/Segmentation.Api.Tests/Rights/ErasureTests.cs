using Segmentation.Api.Tests.Playbooks;

namespace Segmentation.Api.Tests.Rights;

/// <summary>What an erasure takes away, its receipt, and who stays away.</summary>
public sealed class ErasureTests(ErasureWorld world) : IClassFixture<ErasureWorld>
{
    private Api Api => world.Api;

    [Fact]
    public async Task Delete_GivesAReceipt_ThatSaysWhatWent_AndThenIsComplete()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", """{"consents":{"email":{"granted":true} } }""")).Expect(201);
        (await Api.PostAsync("events", $$"""[{"customerId":"{{id}}","type":"a"},{"customerId":"{{id}}","type":"b"}]""")).Expect(200);

        var receipt = await world.EraseAsync(id);

        Assert.Matches("^er_[A-Za-z0-9_-]{22}$", receipt);
        await world.UntilAsync(receipt, left => left is [], "nothing remains");
        await Wait.UntilAsync(
            async () => (await world.ReceiptAsync(receipt)).Json.TryGetProperty("completedAt", out _), "the receipt is complete");
        var shown = await world.ReceiptAsync(receipt);
        Assert.Equal(("erase", "anonymous"), (shown["kind"].GetString(), shown["by"].GetString()));
        Assert.Equal((2, 1, 1), (Removed(shown, "events"), Removed(shown, "consents"), Removed(shown, "profiles")));
        Assert.DoesNotContain(id, shown.Body, StringComparison.Ordinal);
        var (newest, mine) = ((await Api.GetAsync("erasures?limit=1")).Expect(200), await Api.AllAsync("erasures", 2));
        Assert.Contains(receipt, mine.Select(e => e.GetProperty("receipt").GetString()));
        Assert.Equal(
            newest["items"][0].GetProperty("receipt").GetString(), mine[0].GetProperty("receipt").GetString());
        (await Api.GetAsync("erasures/er_none")).Expect(404);
    }

    [Fact]
    public async Task Delete_Again_GivesTheSameReceipt_AndOfWhoNeverWas_None()
    {
        var (id, other) = (NewId(), NewId());
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);

        var receipt = await world.EraseAsync(id);
        Assert.Equal(receipt, await world.EraseAsync(id));
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        Assert.NotEqual(receipt, await world.EraseAsync(id));
        Assert.False((await Api.DeleteAsync($"customers/{other}")).Expect(204).Message.Headers.Contains("Erasure-Receipt"));
        Assert.True((await Api.DeleteAsync($"customers?id={id}")).Expect(204).Message.Headers.Contains("Erasure-Receipt"));
    }

    [Fact]
    public async Task Delete_OfManyEvents_IsGoneAtOnce_AndLeavesNone()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        await world.ExecuteAsync(
            $"""
            INSERT INTO events (customer_key, id, type, occurred_at)
            SELECT c.key, '{id}-' || i, 'x', now() FROM customers c, generate_series(1, 25000) i WHERE c.id = '{id}'
            """);

        var receipt = await world.EraseAsync(id);

        (await Api.GetAsync($"customers/{id}")).Expect(404);
        (await Api.GetAsync($"customers/{id}/events")).Expect(404);
        (await Api.GetAsync($"customers/{id}/data")).Expect(404);
        await world.UntilAsync(receipt, left => left is [], "all events are deleted");
        Assert.Equal(25_000, Removed(await world.ReceiptAsync(receipt), "events"));
        Assert.Equal([], await world.SearchAllAsync(id));
    }

    [Fact]
    public async Task Delete_OfManyImpressions_LeavesNoneButThoseOfWhoComesAnew()
    {
        var (id, other) = (NewId(), NewId());
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        string sql = "INSERT INTO impressions (placement, playbook, version, play, at, visitor_id, customer_id) SELECT 'p', 'b', 1, 'a', "
            + "now() - i / 100 * interval '1 second'";
        await world.ExecuteAsync(
            $"""
            INSERT INTO visitor_links (visitor_id, customer_id, at) VALUES ('v-{id}', '{id}', now());
            {sql}, 'v-{id}', NULL FROM generate_series(1, 25000) i;
            {sql}, '{id}', NULL FROM generate_series(1, 100) i;
            {sql}, '{other}', '{id}' FROM generate_series(1, 15000) i;
            {sql}, '{other}', NULL FROM generate_series(1, 10) i
            """);

        var receipt = await world.EraseAsync(id);
        await world.ExecuteAsync($"{sql}, 'v-{id}', NULL FROM generate_series(1, 1) i");

        await world.UntilAsync(receipt, left => left is [], "all impressions are deleted");
        Assert.Equal(40_101, Removed(await world.ReceiptAsync(receipt), "exposures"));
        Assert.Equal((1, 10), (await CountAsync($"v-{id}"), await CountAsync(other)));
        Assert.Equal(0, await world.CountAsync("SELECT count(*) FROM erasure_queue WHERE visitors IS NOT NULL"));

        Task<long> CountAsync(string visitor) => world.CountAsync($"SELECT count(*) FROM impressions WHERE visitor_id = '{visitor}'");
    }

    [Fact]
    public async Task Delete_OfAMember_RemainsUntilWhoFollowsTheSegmentIsTold()
    {
        var id = NewId();
        (await Api.PostAsync("webhooks", """{"url":"https://receiver.invalid/hook"}""")).Expect(201);
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        (await Api.PutAsync($"segments/{id}", $$"""{"name":"x","status":"active","kind":"manual"}""")).Expect(201);
        (await Api.PutAsync($"segments/{id}/members/{id}", "{}")).Expect(200, 201, 204);
        await Wait.UntilAsync(
            async () => await world.CountAsync($"SELECT count(*) FROM webhook_deliveries WHERE customer_id = '{id}'") == 1,
            "the joining has its message");

        var receipt = await world.EraseAsync(id);

        await world.UntilAsync(receipt, left => left.Contains("webhooks: 1") && left.Contains("streams: 1"), "it is told that it left");
        Assert.False((await world.ReceiptAsync(receipt)).Json.TryGetProperty("completedAt", out _));
        await world.TellAsync();
        await Wait.UntilAsync(
            async () => (await world.ReceiptAsync(receipt)).Json.TryGetProperty("completedAt", out _), "the receipt is complete");
        (await Api.DeleteAsync($"segments/{id}")).Expect(204);
    }

    [Fact]
    public async Task Delete_OfWhomRulesName_TakesItOutOfThePast_AndSaysWhereItIsStill()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", $$"""{"email":"{{id}}@Example.com"}""")).Expect(201);
        await PutAsync($"x, {id}@example.COM");
        await PutAsync(id.ToUpperInvariant());
        await PutAsync("somebody");
        await PutAsync($"{id}@EXAMPLE.com");

        var receipt = await world.EraseAsync(id);

        string name = $"segments/rule-{id}";
        await world.UntilAsync(receipt, left => left.SequenceEqual([name]), "nothing remains but the definition");
        Assert.Equal(2, Removed(await world.ReceiptAsync(receipt), "definitions"));
        Assert.Equal(["x,[erased]", "[erased]", "somebody", $"{id}@EXAMPLE.com"], await ValuesAsync());

        await PutAsync("nobody");
        await world.Keeper.RecheckDefinitionsAsync(default);

        await world.UntilAsync(receipt, left => left is [], "nothing remains");
        Assert.Equal(["x,[erased]", "[erased]", "somebody", "[erased]", "nobody"], await ValuesAsync());
        Assert.DoesNotContain(id + "@", (await Api.GetAsync("audit?limit=1000")).Body, StringComparison.OrdinalIgnoreCase);

        async Task PutAsync(string value) => (await Api.PutAsync(
            $"segments/rule-{id}",
            $$"""
            {"name":"x","status":"draft","rule":{"combinator":"and","rules":[
              {"field":"customer.email","operator":"{{(value.Contains(',') ? "in" : "=")}}","value":"{{value}}"}]} }
            """)).Expect(200, 201);

        async Task<string[]> ValuesAsync() =>
        [
            .. (await Api.AllAsync($"segments/rule-{id}/versions")).OrderBy(v => v.GetProperty("version").GetInt32())
                .Select(v => v.GetProperty("definition").GetProperty("rule").GetProperty("rules")[0].GetProperty("value").GetString()!),
        ];
    }

    [Fact]
    public async Task Delete_OfWhomAnAnalysisThatRunsNames_IsListedUntilItHasEnded()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        await world.ExecuteAsync(
            $$"""
            INSERT INTO analyses (id, type, request, fingerprint, status, progress, attempts, created_at)
            VALUES ('{{id}}', 'profile', '{"rule":{"rules":[{"field":"customer.id","operator":"=","value":"{{id}}"}]} }',
                '\x00', 1, 0, 1, now())
            """);

        var receipt = await world.EraseAsync(id);

        string name = $"analyses/{id}";
        await world.UntilAsync(receipt, left => left.SequenceEqual([name]), "nothing remains but the analysis");
        await world.ExecuteAsync($"UPDATE analyses SET status = 3, finished_at = now() WHERE id = '{id}'");
        await world.Keeper.RecheckDefinitionsAsync(default);
        await world.UntilAsync(receipt, left => left is [], "nothing remains");
        Assert.Equal(1, await world.CountAsync($"SELECT count(*) FROM analyses WHERE id = '{id}' AND request::text LIKE '%[erased]%'"));
    }

    [Fact]
    public async Task Events_FromBeforeTheErasure_AreRejected_EachByItself()
    {
        var (id, other) = (NewId(), NewId());
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        await world.EraseAsync(id);
        var (old, recent) = (DateTimeOffset.UtcNow.AddHours(-1).ToString("O"), DateTimeOffset.UtcNow.AddMinutes(1).ToString("O"));
        var late = $$"""{"customerId":"{{id}}","type":"a","occurredAt":"{{old}}"}""";
        var others = $$"""{"customerId":"{{other}}","type":"a","occurredAt":"{{old}}"}""";

        // None of them makes the customer anew.
        Assert.Equal(["/occurredAt"], (await Api.PostAsync("events", late)).Expect(400).Faults);
        Assert.Contains("was erased", (await Api.PostAsync($"customers/{id}/events", $$"""{"type":"a","occurredAt":"{{old}}"}"""))
            .Expect(400).Body, StringComparison.Ordinal);
        foreach (var answer in new[]
        {
            await Api.PostAsync("events", $"[{late},{others}]"),
            await Api.SendAsync("POST", "events", $"{late}\n{others}\n", "application/x-ndjson"),
        })
        {
            Assert.Equal((2, 1), (answer.Expect(200)["received"].GetInt32(), answer["rejected"].GetInt32()));
            Assert.Contains("was erased", answer["errors"][0].GetProperty("message").GetString(), StringComparison.Ordinal);
        }

        (await Api.GetAsync($"customers/{id}")).Expect(404);
        (await Api.GetAsync($"customers/{other}")).Expect(200);

        // Whoever comes later is a new person, whose past does not come back either.
        var both = (await Api.PostAsync(
            "events", $$"""[{"customerId":"{{id}}","type":"a","occurredAt":"{{recent}}"},{{late}}]""")).Expect(200);
        Assert.Equal((1, 1, 1), (
            both["stored"].GetInt32(), both["rejected"].GetInt32(), both["createdCustomers"].GetInt32()));
        Assert.Single(await Api.AllAsync($"customers/{id}/events"));
    }

    [Fact]
    public async Task Exposures_FromBeforeTheErasure_AreRejected()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        var placement = await Api.MakePlacementAsync("string");
        var playbook = await Api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":"x"}""");
        var receipt = await world.EraseAsync(id);
        await world.UntilAsync(receipt, left => left is [], "nothing remains");
        string[] seen = [$"play:{placement}/{playbook}@1/a"];

        Assert.Equal((0, 0, 1), await Api.SeeAsync("some-browser", seen, DateTimeOffset.UtcNow.AddHours(-1), id));
        Assert.Equal([], await world.SearchAllAsync(id));
        Assert.Equal((1, 0, 0), await Api.SeeAsync("some-browser", seen, DateTimeOffset.UtcNow, id));
        await world.EraseAsync(id);
    }

    [Fact]
    public async Task Import_OfWhoWasErased_IsRejected_UnlessItIsToMakeThemAnew()
    {
        var (id, other) = (NewId(), NewId());
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        await world.EraseAsync(id);
        var csv = $"id,email\n{id},{id}@example.com\n{other},{other}@example.com\n";

        var result = (await Api.SendAsync("POST", "customers/import", csv, "text/csv")).Expect(200);
        Assert.Equal((1, 1), (result["created"].GetInt32(), result["rejected"].GetInt32()));
        Assert.Contains("was erased", result["errors"][0].GetProperty("message").GetString(), StringComparison.Ordinal);
        var dry = (await Api.SendAsync("POST", "customers/import?dryRun=true", csv, "text/csv")).Expect(200);
        Assert.Equal(1, dry["rejected"].GetInt32());
        (await Api.GetAsync($"customers/{id}")).Expect(404);

        // In the background nothing of the line is kept, whatever else is wrong with it.
        var job = await ImportAsync(csv, "text/csv");
        var faulty = await ImportAsync($"id,demographic.birthDate\n{id},31.12.1990\n", "text/csv");
        Assert.Equal([], await world.SearchAllAsync(id));
        Assert.Contains("was erased", (await Api.GetAsync($"{job}/errors")).Expect(200).Body, StringComparison.Ordinal);
        Assert.Contains("birthDate", (await Api.GetAsync($"{faulty}/errors")).Expect(200).Body, StringComparison.Ordinal);

        (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
        Assert.Equal(0, (await Api.SendAsync("POST", "customers/import", csv, "text/csv")).Expect(200)["rejected"].GetInt32());
        await world.EraseAsync(id);
        result = (await Api.SendAsync("POST", "customers/import?recreate=true", csv, "text/csv")).Expect(200);
        Assert.Equal((1, 1, 0), (
            result["created"].GetInt32(), result["updated"].GetInt32(), result["rejected"].GetInt32()));
    }

    [Fact]
    public async Task Delete_OfWhomFaultyLinesOfImportsName_TakesThemToo()
    {
        var id = NewId();
        (await Api.PutAsync($"customers/{id}", $$"""{"email":"{{id}}@Example.com"}""")).Expect(201);
        string[] jobs =
        [
            await ImportAsync(
                $"""
                id,email,demographic.birthDate
                {id},,31.12.1990
                x,{id.ToUpperInvariant()}@example.com ,31.12.1990
                x,other-{id}@example.com,31.12.1990
                x,"<{id}@example.com>

                """, "text/csv"),
            await ImportAsync(
                $$"""
                {"id":"x","email":"{{id}}@example.com","firstName":7}
                {"id":"x","email":"other-{{id}}@example.com","firstName":7}
                {"id":"x","email":"{{id}}@example.com
                {"x":[{{id}}]}
                """, "application/x-ndjson"),
        ];
        Assert.Equal(8, await CountAsync());
        var headless = await ImportAsync($"7,{id}@example.com\n", "text/csv", "failed");
        var held = (await Api.GetAsync($"customers/{id}/data")).Expect(200)["rejectedLines"];
        Assert.Equal((6, 4), (held.GetArrayLength(), held.EnumerateArray().Count(l => l.TryGetProperty("record", out _))));

        var receipt = await world.EraseAsync(id);

        Assert.Equal(7, Removed(await world.ReceiptAsync(receipt), "rejectedLines"));
        Assert.Equal("[erased]", (await Api.GetAsync(headless)).Expect(200)["error"].GetString());
        Assert.Equal(2, await CountAsync());

        Task<long> CountAsync() => world.CountAsync(
            $"SELECT count(*) FROM import_rejections WHERE import_id IN ('{string.Join("', '", jobs.Select(j => j.Split('/')[^1]))}')");
    }

    [Fact]
    public async Task Analyze_AfterANight_TakesTheErasedOutOfStatistics()
    {
        var id = NewId();
        await world.ExecuteAsync("ALTER TABLE customers SET (autovacuum_enabled = false)");
        (await Api.PutAsync($"customers/{NewId()}", """{"email":"stays@example.com"}""")).Expect(201);
        (await Api.PutAsync($"customers/{id}", $$"""{"email":"{{id}}@example.com"}""")).Expect(201);
        await world.ExecuteAsync("ANALYZE customers");
        Assert.Equal(["customers", "pg_stats of customers"], (await world.SearchAsync(id)).Where(t => t.Contains("customers")));
        await world.EraseAsync(id);
        Assert.Equal(["pg_stats of customers"], (await world.SearchAsync(id)).Where(t => t.Contains("customers")));

        await world.ExecuteAsync("UPDATE erasures SET requested_at = requested_at - interval '1 day' WHERE NOT is_analyzed");
        await world.Keeper.AnalyzeAsync(default);

        Assert.Equal([], (await world.SearchAsync(id)).Where(t => t.Contains("customers")));
    }

    // In the background, to its end: where it is shown.
    private async Task<string> ImportAsync(string file, string mediaType, string state = "completed")
    {
        var job = (await Api.SendAsync("POST", "customers/import", file, mediaType, ("Prefer", "respond-async"))).Expect(202);
        var place = job.Message.Headers.Location!.OriginalString;
        await Wait.UntilAsync(async () => (await Api.GetAsync(place))["state"].GetString() == state, "the import has ended");
        return place;
    }

    private static string NewId() => $"er{Guid.NewGuid():N}";

    private static long Removed(Answer receipt, string what) =>
        receipt["removed"].TryGetProperty(what, out var count) ? count.GetInt64() : 0;
}
