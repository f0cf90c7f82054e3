using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;
using static Segmentation.Api.Tests.Access.AccessWorld;

namespace Segmentation.Api.Tests.Access;

/// <summary>Keys, tokens, and what depends on their scopes.</summary>
public sealed class AccessTests(AccessWorld world) : IClassFixture<AccessWorld>
{
    private const string Rule = """{"rule":{"combinator":"and","rules":[{"field":"customer.id","operator":"=","value":"carol"}]}}""";

    private Api Api => world.Api;

    [Theory]
    [InlineData("RS256")]
    [InlineData("PS256")]
    [InlineData("ES256")]
    public async Task Token_SignedWithAPrivateKey_IsTaken(string algorithm)
    {
        var token = world.Provider.Sign($"{Scopes.SegmentsRead} theirs", algorithm: algorithm);
        (await Api.GetAsync("segments", With(token))).Expect(200);
        var refused = (await Api.GetAsync("customers", With(token))).Expect(403);
        Assert.Equal("This needs the scope customers:read.", refused["title"].GetString());
    }

    [Fact]
    public async Task Provider_Away_TokensOfKnownKeysGoOn_AndOthersAre401AtOnce()
    {
        await using var provider = await IdentityProvider.StartAsync();
        await using var server = await world.StartAsync(provider.Settings);
        var token = provider.Sign(Scopes.SegmentsRead);
        (await server.Api.GetAsync("segments", With(token))).Expect(200);
        await provider.GoAwayAsync();
        (await server.Api.GetAsync("segments", With(provider.Sign(Scopes.SegmentsRead, "bob")))).Expect(200);
        (await server.Api.GetAsync("segments", With(provider.Sign(Scopes.SegmentsRead, kid: "new")))).Expect(401);

        await using var cold = await world.StartAsync(provider.Settings);
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
            (await cold.Api.GetAsync("segments", With(provider.Sign(Scopes.SegmentsRead)))).Expect(401)));
        Assert.True(Stopwatch.GetElapsedTime(started) < Wait.Patience);
    }

    [Fact]
    public async Task FirstKey_ClosesTheService_AndTheLastAdministratorStays()
    {
        await using var server = await world.StartAsync();
        var api = server.Api;
        (await api.GetAsync("segments")).Expect(200);
        (await api.GetAsync("segments", With("nonsense"))).Expect(401);
        var refused = (await api.PostAsync("api-keys", """{"name":"shop","scopes":["customers:read"]}""")).Expect(409);
        Assert.StartsWith("The first API key needs the scope admin", refused["title"].GetString());
        var first = (await api.PostAsync("api-keys", """{"name":"me","scopes":["admin","segments:read"]}""")).Expect(201);
        var key = With(first["secret"].GetString()!);
        (await api.GetAsync("segments")).Expect(401);
        (await api.GetAsync("/health/live")).Expect(200);
        (await api.GetAsync("/health/ready")).Expect(200);
        (await api.GetAsync("no-such-route")).Expect(401);
        Assert.Equal("anonymous", first["createdBy"].GetString());

        var id = first["id"].GetString();
        (await api.DeleteAsync($"api-keys/{id}", key)).Expect(409);
        (await api.PatchAsync($"api-keys/{id}", """{"scopes":["segments:read"]}""", key)).Expect(409);
        var second = (await api.PostAsync("api-keys", """{"name":"you","scopes":["admin"]}""", key)).Expect(201);
        Assert.Equal(id, second["createdBy"].GetString());
        Assert.Equal(["id"], (await api.DeleteAsync($"api-keys/{first["secret"].GetString()}", key)).Expect(400).Faults);
        (await api.DeleteAsync("api-keys/nobodysKey00", key)).Expect(404);
        (await api.DeleteAsync($"api-keys/{id}", key)).Expect(204);
        (await api.DeleteAsync($"api-keys/{id}", With(second["secret"].GetString()!))).Expect(204);
        (await api.GetAsync("segments", key)).Expect(401);
        (await api.GetAsync("segments")).Expect(401);
        var list = (await api.GetAsync("api-keys", With(second["secret"].GetString()!))).Expect(200)["items"];
        Assert.Equal(["revoked", "live"], list.EnumerateArray().Select(k => k.GetProperty("state").GetString()));
        Assert.DoesNotContain(list.EnumerateArray(), k => k.TryGetProperty("secret", out _));
    }

    [Fact]
    public async Task Key_ItsLife()
    {
        var admin = With(await world.AddKeyAsync([Scopes.Admin, Scopes.SegmentsRead]));
        (await Api.PostAsync("api-keys", """{"name":"x","scopes":["customers:read"]}""", admin)).Expect(403);
        var faulty = await Api.PostAsync(
            "api-keys", """{"name":" ","scopes":["self"],"limits":{"perSecond":0,"burst":1},"origins":["https://a.example/"]}""", admin);
        Assert.Equal(["/limits/perSecond", "/name", "/origins/0", "/scopes/0"], faulty.Expect(400).Faults);
        foreach (var at in new[] { "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z" })
        {
            var late = await Api.PostAsync("api-keys", $$"""{"name":"x","scopes":["admin"],"expiresAt":"{{at}}"}""", admin);
            Assert.Equal(["/expiresAt"], late.Expect(400).Faults);
        }

        var made = (await Api.PostAsync(
            "api-keys", """{"name":"x","scopes":["segments:read"],"limits":{"perSecond":5,"burst":9}}""", admin)).Expect(201);
        var (address, first) = ($"api-keys/{made["id"].GetString()}", With(made["secret"].GetString()!));
        Assert.EndsWith($"/api/v1/{address}", made.Message.Headers.Location!.OriginalString, StringComparison.Ordinal);
        Assert.InRange(made["expiresAt"].GetDateTimeOffset(), DateTimeOffset.UtcNow.AddDays(364), DateTimeOffset.UtcNow.AddDays(365));
        (await Api.GetAsync("segments", first)).Expect(200);

        // Nobody gives, or takes by rotating, what is not theirs.
        (await Api.PatchAsync(address, """{"scopes":["segments:read","webhooks"]}""", admin)).Expect(403);
        (await Api.PatchAsync(address, """{"name":"y"}""", admin, ("If-Match", "\"7\""))).Expect(412);
        var changed = (await Api.PatchAsync(address, """{"name":"y","limits":null}""", admin, ("If-Match", made.ETag!))).Expect(200);
        Assert.Equal("y", changed["name"].GetString());
        Assert.False(changed.Json.TryGetProperty("limits", out _) || changed.Json.TryGetProperty("secret", out _));
        var powerful = await world.AddKeyAsync([Scopes.CustomersRead]);
        (await Api.PostAsync($"api-keys/{ApiKeyToken.Read(powerful)!.Id}/rotate", "{}", admin)).Expect(403);

        var second = With((await Api.PostAsync($"{address}/rotate", """{"overlapHours":1}""", admin)).Expect(200)["secret"].GetString()!);
        (await Api.GetAsync("segments", first)).Expect(200);
        (await Api.GetAsync("segments", second)).Expect(200);
        var third = (await Api.PostAsync($"{address}/rotate", "{}", admin)).Expect(200);
        Assert.Equal(2, third["secrets"].GetArrayLength());
        (await Api.GetAsync("segments", first)).Expect(401);
        (await Api.GetAsync("segments", second)).Expect(200);
        (await Api.PostAsync($"{address}/rotate", """{"overlapHours":0}""", admin)).Expect(200);
        (await Api.GetAsync("segments", With(third["secret"].GetString()!))).Expect(401);
        (await Api.PostAsync($"{address}/rotate", """{"overlapHours":169}""", admin)).Expect(400);

        (await Api.DeleteAsync(address, admin)).Expect(204);
        (await Api.DeleteAsync(address, admin)).Expect(204);
        (await Api.PostAsync($"{address}/rotate", "{}", admin)).Expect(409);
        (await Api.PatchAsync(address, """{"name":"z"}""", admin)).Expect(409);
        Assert.Equal("revoked", (await Api.GetAsync(address, admin)).Expect(200)["state"].GetString());
        (await Api.GetAsync("api-keys/nosuch", admin)).Expect(404);
    }

    [Fact]
    public async Task Use_IsStoredForManyAtOnce()
    {
        var key = await world.AddKeyAsync([Scopes.SegmentsRead]);
        (await Api.GetAsync("segments", With(key))).Expect(200);
        await world.Server.Services.GetRequiredService<KnownKeys>().StoreUseAsync(CancellationToken.None);
        var shown = (await Api.GetAsync($"api-keys/{ApiKeyToken.Read(key)!.Id}", With(world.Everything))).Expect(200);
        Assert.InRange(shown["lastUsedAt"].GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow);
        Assert.Equal(shown["lastUsedAt"].ToString(), shown["secrets"][0].GetProperty("lastUsedAt").ToString());
    }

    [Fact]
    public async Task Revoked_InAnotherProcess_IsRefusedSoon()
    {
        var key = await world.AddKeyAsync([Scopes.SegmentsRead]);
        await using var other = new ApiFixture.Server(
            world.Server.Services.GetRequiredService<Data.ConnectionSettings>().ConnectionString, world.Provider.Settings);
        (await other.Api.GetAsync("segments", With(key))).Expect(200);
        (await Api.DeleteAsync($"api-keys/{ApiKeyToken.Read(key)!.Id}", With(world.Everything))).Expect(204);
        await Wait.UntilAsync(async () => (await other.Api.GetAsync("segments", With(key))).Status == 401, "the key is refused");
    }

    [Fact]
    public async Task Origins_OfAKey_AreThosePagesAlone()
    {
        var key = With(await world.AddKeyAsync([Scopes.SegmentsRead], k => k.Origins = ["https://app.example"]));
        (await Api.GetAsync("segments", key)).Expect(200);
        (await Api.GetAsync("segments", key, ("Origin", "https://app.example"))).Expect(200);
        (await Api.GetAsync("segments", key, ("Origin", "https://evil.example"))).Expect(403);
    }

    [Fact]
    public async Task Answers_WithoutCustomersRead_ShowNobody()
    {
        var all = With(world.Everything);
        (await Api.PutAsync("customers/carol", """{"email":"carol@example.com"}""", all)).Expect(201);
        (await Api.PutAsync("segments/carols", Rule, all)).Expect(201);
        (await Api.PutAsync("segments/others", Rule, all)).Expect(201);
        var less = With(await world.AddKeyAsync([.. Scopes.OfKeys.Except([Scopes.CustomersRead])]));
        foreach (var (caller, shows) in new[] { (all, true), (less, false) })
        {
            var preview = (await Api.PostAsync("segments/preview", Rule, caller)).Expect(200);
            Assert.Equal((1, shows), (preview["count"].GetInt32(), preview.Json.TryGetProperty("sample", out _)));
            var sets = """{"operation":"union","keys":["carols","others"]}""";
            Assert.Equal(shows, (await Api.PostAsync("segments/combine", sets, caller)).Expect(200).Json.TryGetProperty("sample", out _));
            var rule = (await Api.GetAsync("segments/carols/explain/carol", caller)).Expect(200)["rule"].GetProperty("rules")[0];
            Assert.Equal((true, shows), (rule.GetProperty("matched").GetBoolean(), rule.TryGetProperty("actual", out _)));
            (await Api.GetAsync("segments/carols/members?live=true", caller)).Expect(shows ? 200 : 403);
            Assert.Contains("carol", (await Api.GetAsync("segments/carols/members?live=true&fields=id", caller)).Expect(200).Body);
            var written = (await Api.PatchAsync("customers/carol", "{}", caller)).Expect(shows ? 200 : 204);
            Assert.Equal((shows, true), (written.Body.Contains("carol@", StringComparison.Ordinal), written.ETag is not null));
            var made = (await Api.PutAsync($"customers/new-{shows}", "{}", caller)).Expect(201);
            Assert.Equal(shows, made.Body.Length > 0);
        }

        var reader = With(await world.AddKeyAsync([Scopes.MembershipRead]));
        var save = """{"operation":"union","keys":["carols","others"],"save":{"key":"both"}}""";
        (await Api.PostAsync("segments/combine", save, reader)).Expect(403);
        (await Api.GetAsync("segments/both", all)).Expect(404);
    }

    [Fact]
    public async Task Self_SendsEvents_AndCreatesNobody()
    {
        var dave = With(world.Provider.Sign(Scopes.Self, "dave"));
        var before = await Api.PostAsync("customers/dave/events?createCustomers=true", """{"type":"page_viewed"}""", dave);
        Assert.Contains("There is no customer", before.Expect(400).Body, StringComparison.Ordinal);
        (await Api.GetAsync("customers/dave", With(world.Everything))).Expect(404);
        (await Api.PutAsync("customers/dave", "{}", With(world.Everything))).Expect(201);
        (await Api.PostAsync("customers/dave/events", """{"type":"page_viewed"}""", dave)).Expect(200);
        (await Api.GetAsync("customers/dave/segments", dave)).Expect(200);
    }

    [Fact]
    public async Task BootstrapKeyFile_IsMadeOnce_WithEveryScope()
    {
        var file = Path.GetTempFileName();
        try
        {
            var token = ApiKeyToken.Create().ToString();
            await File.WriteAllTextAsync(file, token + "\n");
            await using var server = await world.StartAsync(("Access:BootstrapKeyFile", file));
            (await server.Api.GetAsync("segments")).Expect(401);
            var key = (await server.Api.GetAsync("api-keys", With(token))).Expect(200)["items"][0];
            Assert.Equal(Scopes.OfKeys, key.GetProperty("scopes").EnumerateArray().Select(s => s.GetString()));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Secrets_TheScript_MakesAKeyThatIsOne_AndKeepsWhatIsThere()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(folder.FullName, ".env");
            for (var run = 0; run < 2; run++)
            {
                using var script = Process.Start(new ProcessStartInfo(Repository.GetPath("scripts/secrets"), [file])
                {
                    RedirectStandardOutput = true,
                })!;
                await script.WaitForExitAsync();
                Assert.Equal(0, script.ExitCode);
                var lines = (await File.ReadAllLinesAsync(file)).Where(l => l.Contains('=', StringComparison.Ordinal))
                    .Select(l => l.Split('=', 2)).ToDictionary(l => l[0], l => l[1]);
                Assert.NotNull(ApiKeyToken.Read(lines["SEGMENTATION_KEY"]));
                Assert.True(lines["SEGMENTATION_DB_PASSWORD"].Length >= 32);
                if (run == 0)
                {
                    await File.AppendAllTextAsync(file, "MINE=1\n");
                }
                else
                {
                    Assert.Equal("1", lines["MINE"]);
                }
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Token_AnyChange_IsSeenWithoutALookUp()
    {
        var text = ApiKeyToken.Create().ToString();
        Assert.Matches("^seg_[0-9A-Za-z]{12}_[0-9A-Za-z_-]{43}[0-9A-Za-z]{6}$", text);
        Assert.Equal(text, ApiKeyToken.Read(text)!.ToString());
        for (var i = 0; i < text.Length; i++)
        {
            Assert.Null(ApiKeyToken.Read(text[..i] + (text[i] == 'a' ? 'b' : 'a') + text[(i + 1)..]));
            Assert.Null(ApiKeyToken.Read(text[..i]));
        }

        // CRC-32 of 60 characters, by gzip; 0-9, A-Z, a-z.
        Assert.NotNull(ApiKeyToken.Read("seg_000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1lQhfJ"));
    }
}
