using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Tests.Streams;
using static Segmentation.Api.Tests.Access.AccessWorld;

namespace Segmentation.Api.Tests.Access;

/// <summary>What depends on who asks, beside whether it is let in.</summary>
public sealed class AccessDetailTests(AccessWorld world) : IClassFixture<AccessWorld>
{
    private Api Api => world.Api;

    [Fact]
    public async Task Deliveries_WithoutCustomersRead_NameNobody()
    {
        var all = With(world.Everything);
        var body = """{"url":"https://shop.example/hooks","enabled":false}""";
        var id = (await Api.PostAsync("webhooks", body, all)).Expect(201)["id"].GetString()!;
        await using (var scope = world.Server.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<SegmentationDb>().Database.ExecuteSqlAsync(
                $"""
                INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version,
                  joined, cause, at, queued_at, done_at, message_id, state, attempts, last_status, last_error)
                SELECT w.key, n, 'carol-' || n, 'vip', 'VIP', 1,
                  true, 2, now(), now(), now(), gen_random_uuid(), 2, 1, 500, 'It answered 500.'
                FROM webhooks w, generate_series(1, 3) n WHERE w.id = {id}
                """);
        }

        foreach (var (scopes, shows) in new[] { ((string[])[Scopes.Webhooks, Scopes.CustomersRead], true), ([Scopes.Webhooks], false) })
        {
            var caller = With(await world.AddKeyAsync(scopes));
            foreach (var query in new[] { "", "?state=dead", "?limit=1" })
            {
                var page = (await Api.GetAsync($"webhooks/{id}/deliveries{query}", caller)).Expect(200);
                Assert.All(
                    page["items"].EnumerateArray(),
                    d => Assert.Matches(shows ? "^carol-[123]$" : @"^\*\*\*$", d.GetProperty("customerId").GetString()!));
                Assert.Equal(shows, page.Body.Contains("carol", StringComparison.Ordinal));
            }

            var dead = (await Api.GetAsync($"webhooks/{id}/deliveries?state=dead", caller))["items"][0].GetProperty("messageId");
            var replayed = (await Api.PostAsync($"webhooks/{id}/deliveries/{dead}/replay", "{}", caller)).Expect(200);
            Assert.Equal(shows, replayed.Body.Contains("carol", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Ready_WhyNot_IsForAdministrators()
    {
        await using var server = await world.StartAsync(("Limits:Health:Pool", "1"));
        var first = (await server.Api.PostAsync("api-keys", """{"name":"me","scopes":["admin","segments:read"]}""")).Expect(201);
        var admin = With(first["secret"].GetString()!);
        var other = With((await server.Api.PostAsync("api-keys", """{"name":"you","scopes":["segments:read"]}""", admin)).Expect(201)
            ["secret"].GetString()!);
        foreach (var caller in new (string, string)[][] { [], [admin], [other] })
        {
            (await server.Api.GetAsync("/health/ready", caller)).Expect(200);
        }

        await using var only = await server.Services.GetRequiredService<DataSources>()[WorkClass.Health].OpenConnectionAsync();
        await Wait.UntilAsync(
            async () => (await server.Api.GetAsync("/health/ready")).Status == 503, "its last answer, which holds for a second, is over");
        foreach (var (caller, said) in new ((string, string)[], string)[]
        {
            ([], "The service is not ready."), ([other], "The service is not ready."), ([admin], "The database does not answer."),
        })
        {
            Assert.Equal(said, (await server.Api.GetAsync("/health/ready", caller)).Expect(503)["title"].GetString());
        }
    }

    [Fact]
    public async Task Keys_AtOnceMoreThanThereMayBe_TheRestIs409()
    {
        await using var server = await world.StartAsync();
        string admin;
        await using (var scope = server.Services.CreateAsyncScope())
        {
            var now = DateTimeOffset.UtcNow;
            admin = await AccessKeys.AddAsync(scope.ServiceProvider, "admin0000000", [Scopes.Admin, Scopes.SegmentsRead]);
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();

            // Those that have ended don't count.
            db.ApiKeys.AddRange(Enumerable.Range(0, new Limits().Keys + 8).Select(i => new ApiKey
            {
                Id = $"many{i:D8}",
                Name = "one of many",
                Scopes = [Scopes.SegmentsRead],
                CreatedAt = now.AddDays(-2),
                CreatedBy = "test",
                ExpiresAt = now.AddDays(i < 5 ? -1 : 1),
                RevokedAt = i is >= 5 and < 10 ? now : null,
                Version = 1,
            }));
            await using var transaction = await db.Database.BeginTransactionAsync();
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PostAsync()));
        Assert.Equal([(201, 1), (409, 3)], answers.CountBy(a => a.Status).Select(c => (c.Key, c.Value)).Order());
        Assert.StartsWith("There are 1000 live API keys", answers.First(a => a.Status == 409)["title"].GetString());
        (await server.Api.DeleteAsync("api-keys/many00000010", With(admin))).Expect(204);
        (await PostAsync()).Expect(201);
        (await PostAsync()).Expect(409);

        Task<Answer> PostAsync() => server.Api.PostAsync("api-keys", """{"name":"one more","scopes":["segments:read"]}""", With(admin));
    }

    [Theory]
    [InlineData("customer:read", "customers:read")]
    [InlineData("segments-read", "segments:read")]
    [InlineData("Admin", "admin")]
    [InlineData("everything", null)]
    public async Task Scope_Misspelled_TheOneThatIsMeantIsNamed(string scope, string? meant)
    {
        var answer = await Api.PostAsync("api-keys", $$"""{"name":"shop","scopes":["{{scope}}"]}""", With(world.Everything));
        var said = answer.Expect(400)["errors"].GetProperty(answer.Faults.Single())[0].GetString()!;
        Assert.Equal(meant is not null, said.EndsWith($"Did you mean \"{meant}\"?", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("revoked")]
    [InlineData("expired")]
    [InlineData("without the scope")]
    [InlineData("rotated")]
    [InlineData("token")]
    public async Task Stream_ItsKeyEnds_EndsToo_AndOthersGoOn(string how)
    {
        var all = With(world.Everything);
        var segment = $"streamed-{how.Replace(' ', '-')}";
        var rule = $$"""{"field":"customer.email","operator":"=","value":"{{segment}}@x.example"}""";
        var definition = $$$"""{"rule":{"combinator":"and","rules":[{{{rule}}}]},"status":"active"}""";
        (await Api.PutAsync($"segments/{segment}", definition, all)).Expect(201);
        var token = how == "token"
            ? world.Provider.Sign(Scopes.MembershipRead, expires: TimeSpan.FromSeconds(-50)) // A minute is allowed for clocks.
            : await world.AddKeyAsync(
                [Scopes.MembershipRead], k => k.ExpiresAt = how == "expired" ? k.CreatedAt.AddSeconds(10) : k.ExpiresAt);
        using var mine = ClientWith(token);
        using var others = ClientWith(world.Everything);
        await using var goesOn = await Listener.OpenAsync(others, segment);
        await using var ends = await Listener.OpenAsync(mine, segment);
        Assert.Equal("hello", (await ends.NextAsync()).Type);
        Assert.Equal("hello", (await goesOn.NextAsync()).Type);
        var id = token.Split('_').ElementAtOrDefault(1);
        switch (how)
        {
            case "revoked":
                (await Api.DeleteAsync($"api-keys/{id}", all)).Expect(204);
                break;
            case "without the scope":
                (await Api.PatchAsync($"api-keys/{id}", """{"scopes":["segments:read"]}""", all)).Expect(200);
                break;
            case "rotated":
                (await Api.PostAsync($"api-keys/{id}/rotate", """{"overlapHours":0}""", all)).Expect(200);
                break;
        }

        Assert.True(await ends.EndsAsync());
        (await Api.GetAsync($"segments/{segment}/members?fields=id", With(token))).Expect(how == "without the scope" ? 403 : 401);
        (await Api.PutAsync($"customers/{segment}", $$"""{"email":"{{segment}}@x.example"}""", all)).Expect(201);
        Assert.Equal(("joined", segment), (await goesOn.NextAsync()).Named);
    }

    private HttpClient ClientWith(string token) => new()
    {
        BaseAddress = Api.Client.BaseAddress,
        Timeout = Wait.Patience,
        DefaultRequestHeaders = { Authorization = new("Bearer", token) },
    };
}
