using System.Text.Json;
using Segmentation.Api.Memberships;
using Segmentation.Api.Tests.Memberships;
using Segmentation.Api.Tests.Webhooks;

namespace Segmentation.Api.Tests.Streams;

/// <summary>
/// Whoever follows a segment, by webhook or stream, knows at each moment who is in it: also when it is gone, or a member is.
/// </summary>
public sealed class EndsTests(WebhooksApi api) : IClassFixture<WebhooksApi>
{
    private static int made;

    private Api Api => api.Api;

    [Fact]
    public async Task Deleted_AndMadeAnewWithFewer_DeletionIsToldThenWhoJoins()
    {
        await using var receiver = await Receiver.StartAsync();
        var (key, ids) = await MakeAsync(3);
        await HookAsync(receiver, key);
        await PutAsync(key, ids);
        await using var stream = await Listener.OpenAsync(Api.Client, key);
        var hello = await stream.NextAsync();
        await receiver.UntilAsync(() => receiver.All.Count == 3, "the first three");
        (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        await PutAsync(key, ids[..1]);

        // The stream of the deleted segment ends with it, and goes on as that of the new one.
        var end = await stream.NextAsync();
        Assert.Equal(("segment.deleted", key, 1), (end.Type, end.Json.GetProperty("segment").GetString(), Version(end.Json)));
        Assert.True(await stream.EndsAsync());
        await using var anew = await Listener.OpenAsync(Api.Client, key, end.Id);
        Assert.Equal("hello", (await anew.NextAsync()).Type);
        Assert.Equal(("joined", ids[0]), (await anew.NextAsync()).Named);

        // Resumed across the deletion, it is told as well: before the new segment.
        await using var late = await Listener.OpenAsync(Api.Client, key, hello.Id);
        Assert.Equal(("hello", "segment.deleted"), ((await late.NextAsync()).Type, (await late.NextAsync()).Type));
        Assert.True(await late.EndsAsync());

        await receiver.UntilAsync(() => receiver.All.Count == 5, "the deletion, and who joined then");
        var told = receiver.All.ToList();
        Assert.Equal(ids.Select(i => $"segment.joined {i}").Order(), told[..3].Select(Told).Order());
        Assert.Equal(["segment.deleted", $"segment.joined {ids[0]}"], told[3..].Select(Told));
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse($$"""{"segment":"{{key}}","segmentName":"{{key}}","version":1}"""), told[3].Json.GetProperty("data")));
    }

    [Fact]
    public async Task Deleted_ResumedBeforeAndAfter_IsToldOnceAndIsGoneThen()
    {
        var (key, ids) = await MakeAsync(2);
        await PutAsync(key, ids);
        string? first;
        await using (var stream = await Listener.OpenAsync(Api.Client, key))
        {
            first = (await stream.NextAsync()).Id;
        }

        (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        await using var late = await Listener.OpenAsync(Api.Client, key, first, byQuery: true);
        Assert.Equal("hello", (await late.NextAsync()).Type);
        var end = await late.NextAsync();
        Assert.Equal("segment.deleted", end.Type);
        Assert.True(await late.EndsAsync());
        (await Api.GetAsync($"segments/{key}/stream", ("Last-Event-ID", end.Id!))).Expect(404);
        (await Api.GetAsync($"segments/{key}/stream")).Expect(404);
    }

    [Theory]
    [InlineData("draft", "rule")]
    [InlineData("archived", "rule")]
    [InlineData("active", "manual")]
    public async Task Deleted_OfWhateverKind_IsTold(string status, string kind)
    {
        await using var receiver = await Receiver.StartAsync();
        var (key, _) = await MakeAsync(0);
        await HookAsync(receiver, key);
        (await Api.PutAsync($"segments/{key}", kind == "manual"
            ? """{"kind":"manual"}"""
            : $$"""{"status":"{{status}}","rule":{"combinator":"and","rules":[]} }""")).Expect(201);
        await using var stream = await Listener.OpenAsync(Api.Client, key);
        Assert.Equal("hello", (await stream.NextAsync()).Type);
        (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        Assert.Equal("segment.deleted", (await stream.NextAsync()).Type);
        Assert.True(await stream.EndsAsync());
        await receiver.UntilAsync(() => receiver.All.Count == 1, "the deletion");
        Assert.Equal("segment.deleted", Told(receiver.All.Single()));
    }

    [Theory]
    [InlineData("""{"status":"archived"}""")]
    [InlineData("""{"status":"draft"}""")]
    [InlineData("""{"rule":{"combinator":"and","rules":[{"field":"customer.id","operator":"=","value":"nobody"}]}}""")]
    public async Task NoLongerActive_AllHaveLeftIsTold(string patch)
    {
        await using var receiver = await Receiver.StartAsync();
        var (key, ids) = await MakeAsync(2);
        await HookAsync(receiver, key);
        await PutAsync(key, ids);
        await using var stream = await Listener.OpenAsync(Api.Client, key);
        Assert.Equal("hello", (await stream.NextAsync()).Type);
        (await Api.PatchAsync($"segments/{key}", patch)).Expect(200);
        var left = await stream.NextAsync(2);
        Assert.Equal(ids.Select(i => ("left", i)), left.Select(e => e.Named).Order());
        Assert.All(left, e => Assert.Equal("definition", e.Json.GetProperty("cause").GetString()));
        await receiver.UntilAsync(() => receiver.All.Count == 4, "who joined and left");
        Assert.Equal(ids.Select(i => $"segment.left {i}"), receiver.All.Skip(2).Select(Told).Order());
    }

    [Fact]
    public async Task Erased_IsToldByTheIdAlone_AndForgottenThen()
    {
        await using var receiver = await Receiver.StartAsync();
        var (key, ids) = await MakeAsync(2);
        await HookAsync(receiver, key);
        await PutAsync(key, ids);
        await using var stream = await Listener.OpenAsync(Api.Client, key);
        var hello = await stream.NextAsync();
        await receiver.UntilAsync(() => receiver.All.Count == 2, "who joined");
        (await Api.DeleteAsync($"customers/{ids[0]}")).Expect(204);

        var left = await stream.NextAsync();
        Assert.Equal(("left", ids[0]), left.Named);
        Assert.Equal(["at", "cause", "customerId", "version"], left.Json.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal("erased", left.Json.GetProperty("cause").GetString());
        await receiver.UntilAsync(() => receiver.All.Count == 3, "who left");
        var message = receiver.All.Last();
        Assert.Equal($"segment.left {ids[0]}", Told(message));
        Assert.Equal(
            ["cause", "customerId", "segment", "segmentName", "version"],
            message.Json.GetProperty("data").EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal("erased", message.Json.GetProperty("data").GetProperty("cause").GetString());

        // Later too, and in its place.
        (await Api.DeleteAsync($"customers/{ids[1]}")).Expect(204);
        Assert.Equal(("left", ids[1]), (await stream.NextAsync()).Named);
        await using (var resumed = await Listener.OpenAsync(Api.Client, key, hello.Id))
        {
            Assert.Equal("hello", (await resumed.NextAsync()).Type);
            Assert.Equal([("left", ids[0]), ("left", ids[1])], (await resumed.NextAsync(2)).Select(e => e.Named));
        }

        await using (var resumed = await Listener.OpenAsync(Api.Client, key, left.Id))
        {
            Assert.Equal("hello", (await resumed.NextAsync()).Type);
            Assert.Equal(("left", ids[1]), (await resumed.NextAsync()).Named);
        }

        // What was told is gone from the outbox, and after a day nothing knows the id: a stream says that it misses something.
        await receiver.UntilAsync(() => receiver.All.Count == 4, "the second");
        Assert.Empty((await Api.GetAsync($"segments/{key}/changes")).Expect(200)["items"].EnumerateArray());
        await MembershipSql.RunAsync(api.Database, "DELETE FROM webhook_deliveries WHERE cause = 8 AND state > 0"); // What the sweep does.
        Assert.Equal(["erased_members"], await FindAsync(ids[0]));
        await using (var connection = await api.Database.OpenConnectionAsync())
        {
            await MembershipRetention.ForgetAsync(connection, DateTimeOffset.UtcNow.AddDays(1), CancellationToken.None);
        }

        Assert.Empty(await FindAsync(ids[0]));
        await using var gap = await Listener.OpenAsync(Api.Client, key, hello.Id);
        Assert.Equal(("hello", "gap"), ((await gap.NextAsync()).Type, (await gap.NextAsync()).Type));
    }

    [Fact]
    public async Task Erased_AndMadeAnewAtOnce_EndsAsAMember()
    {
        await using var receiver = await Receiver.StartAsync();
        var (key, ids) = await MakeAsync(1);
        await HookAsync(receiver, key);
        await PutAsync(key, ids);
        await using var stream = await Listener.OpenAsync(Api.Client, key);
        var hello = await stream.NextAsync();
        await receiver.UntilAsync(() => receiver.All.Count == 1, "who joined"); // What waits about an erased customer is not sent.
        const int Times = 8;
        for (var i = 0; i < Times; i++)
        {
            (await Api.DeleteAsync($"customers/{ids[0]}")).Expect(204);
            (await Api.PutAsync($"customers/{ids[0]}", "{}")).Expect(201);
        }

        // As often as it was seen; a customer that came and went between two evaluations was never there.
        await StoredMembershipTests.SettledAsync(api.Database, DateTimeOffset.UtcNow.AddSeconds(1));
        var pending = $"SELECT count(*) FROM webhook_deliveries WHERE state = 0 AND segment_key = '{key}'";
        await receiver.UntilAsync(() => MembershipSql.ScalarAsync<long>(api.Database, pending).GetAwaiter().GetResult() == 0, "all");
        var told = receiver.All.Where(r => r.Json.GetProperty("data").GetProperty("segment").GetString() == key).Select(Told).ToList();
        Assert.InRange(told.Count, 3, 1 + (2 * Times));
        Assert.Equal("segment.left " + ids[0], told[1]);
        Assert.Equal("segment.joined " + ids[0], told[^1]);

        // Of those that are gone it is only told that they left; the one that is there has joined.
        await using var resumed = await Listener.OpenAsync(Api.Client, key, hello.Id);
        Assert.Equal("hello", (await resumed.NextAsync()).Type);
        List<string> heard = [];
        while (heard.LastOrDefault() != "joined")
        {
            heard.Add((await resumed.NextAsync()).Type);
        }

        Assert.InRange(heard.Count, 2, 1 + Times);
        Assert.All(heard.SkipLast(1), h => Assert.Equal("left", h));
    }

    private static string Told(Received message) => message.Json.GetProperty("data").TryGetProperty("customerId", out var id)
        ? $"{message.Json.GetProperty("type").GetString()} {id.GetString()}"
        : message.Json.GetProperty("type").GetString()!;

    private static int Version(JsonElement data) => data.GetProperty("version").GetInt32();

    private async Task<(string Key, string[] Ids)> MakeAsync(int customers)
    {
        var key = $"ends-{Interlocked.Increment(ref made)}";
        string[] ids = [.. Enumerable.Range(0, customers).Select(n => $"{key}-person-{n}")];
        foreach (var id in ids)
        {
            (await Api.PutAsync($"customers/{id}", $$"""{"firstName":"First","email":"{{id}}@example.org"}""")).Expect(201);
        }

        return (key, ids);
    }

    private async Task HookAsync(Receiver receiver, string segment)
    {
        // The segment need not be there any more, but it must have been.
        (await Api.PutAsync($"segments/{segment}", """{"kind":"manual","status":"draft"}""")).Expect(201);
        (await Api.PostAsync("webhooks", $$"""{"url":"{{receiver.Url}}","segments":["{{segment}}"],"enabled":false}""")).Expect(201);
        (await Api.DeleteAsync($"segments/{segment}")).Expect(204);
        await StoredMembershipTests.SettledAsync(api.Database, DateTimeOffset.UtcNow.AddSeconds(1));
        await MembershipSql.RunAsync(api.Database, $"UPDATE webhooks SET enabled = true WHERE '{segment}' = ANY (segments)");
    }

    // Ready when the members are stored, so that what follows is not one change.
    private async Task PutAsync(string key, string[] ids)
    {
        var list = string.Join(',', ids.Select(i => $"\"{i}\""));
        (await Api.PutAsync(
            $"segments/{key}",
            $$"""{"rule":{"combinator":"and","rules":[{"field":"customer.id","operator":"in","value":[{{list}}]}]} }""")).Expect(201);
        await StoredMembershipTests.SettledAsync(api.Database, DateTimeOffset.UtcNow.AddSeconds(1));
    }

    // The tables that hold a text anywhere, definitions apart.
    private async Task<List<string>> FindAsync(string text)
    {
        List<string> found = [];
        await using var tables = api.Database.CreateCommand(
            """
            SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('segments', 'segment_versions') ORDER BY 1
            """);
        List<string> names = [];
        await using (var reader = await tables.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                names.Add(reader.GetString(0));
            }
        }

        foreach (var name in names)
        {
            if (await MembershipSql.ScalarAsync<bool>(
                api.Database, $"SELECT EXISTS (SELECT FROM \"{name}\" t WHERE strpos(t::text, '{text}') > 0)"))
            {
                found.Add(name);
            }
        }

        return found;
    }
}
