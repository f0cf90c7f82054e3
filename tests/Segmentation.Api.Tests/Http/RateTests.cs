using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Http;

/// <summary>How fast one key may be, and what it is told of it.</summary>
public sealed class RateTests(TestDatabase databases) : IClassFixture<TestDatabase>
{
    /// <summary>Each request, and the rates that it counts for.</summary>
    public static TheoryData<string, string, string?, string> Requests => new()
    {
        { "GET", "segments", null, "default" },
        { "GET", "customers/nobody", null, "default" },
        { "POST", "segments/preview", $$"""{"rule":{{Everyone}}}""", "default, heavy" },
        { "GET", "customers/nobody/segments?live=true", null, "default, heavy" },
        { "GET", "customers/export", null, "default, transfer" },
        { "POST", "customers/import", "", "default, transfer" },
        { "POST", "webhooks/nobody/test", null, "default, webhookTest" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Answer_SaysEachRateAndWhatIsLeft_AndOneTooManyIs429(string method, string path, string? body, string rates)
    {
        var own = rates.Split(", ");
        var last = own[^1];
        await using var server = await KeyedServer.StartAsync(
            databases,
            [.. own.Select(r => ($"Limits:Rates:{r}:Burst", r == last ? "3" : "9")),
                .. own.Select(r => ($"Limits:Rates:{r}:PerSecond", "0.001"))]);
        for (var left = 2; left >= 0; left--)
        {
            var answer = await server.SendAsync(method, path, body);
            Assert.NotEqual(429, answer.Status);
            Assert.Equal(
                string.Join(", ", own.Select(r => $"\"{r}\";q={(r == last ? 3 : 9)};w={(r == last ? 3000 : 9000)}")),
                Header(answer, "RateLimit-Policy"));
            Assert.Equal(
                string.Join(", ", own.Select(r => $"\"{r}\";r={(r == last ? left : left + 6)};t={1000 * (3 - left)}")),
                Header(answer, "RateLimit"));
        }

        var refused = (await server.SendAsync(method, path, body)).Expect(429);
        Assert.Equal("application/problem+json", refused.ContentType);
        Assert.Contains($"\"{last}\"", refused["title"].GetString(), StringComparison.Ordinal);
        Assert.Equal("1000", Header(refused, "Retry-After"));
        Assert.Contains($"\"{last}\";r=0;t=3000", Header(refused, "RateLimit"), StringComparison.Ordinal);

        // Another key has rates of its own.
        Assert.NotEqual(429, (await server.SendAsync(method, path, body, await server.CreateKeyAsync())).Status);
    }

    [Fact]
    public async Task Tokens_ComeAgain()
    {
        using var rates = new Rates();
        var bucket = new Rates.Bucket(RateName.Default, "a", new Rate { PerSecond = 50, Burst = 2 });
        Assert.Null(rates.Take(bucket, 2));
        Assert.Equal(1, rates.Take(bucket));
        await Wait.UntilAsync(() => Task.FromResult(rates.Take(bucket) is null), "a token");
    }

    [Fact]
    public async Task Events_OfAnArray_CostOneMoreForEachHundred()
    {
        await using var server = await KeyedServer.StartAsync(
            databases, ("Limits:Rates:Default:Burst", "10"), ("Limits:Rates:Default:PerSecond", "0.001"));
        var events = $"[{string.Join(',', Enumerable.Range(0, 550).Select(i => $$"""{"id":"{{i}}","customerId":"rates","type":"t"}"""))}]";
        var answer = (await server.SendAsync("POST", "events", events)).Expect(200);
        Assert.Equal("\"default\";r=4;t=6000", Header(answer, "RateLimit"));

        // Refused whole: nothing of it is stored.
        (await server.SendAsync("POST", "events", events.Replace("\"rates\"", "\"unstored\"", StringComparison.Ordinal))).Expect(429);
        (await server.SendAsync("GET", "customers/unstored", null)).Expect(404);
    }

    [Fact]
    public async Task Loopback_WithoutKeys_HasNoRates()
    {
        await using var server = new ApiFixture.Server(
            await databases.CreateDatabaseAsync(), [("Limits:Rates:Default:Burst", "1")]);
        for (var i = 0; i < 3; i++)
        {
            var answer = (await server.Api.GetAsync("segments")).Expect(200);
            Assert.False(answer.Message.Headers.Contains("RateLimit"));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("127.0.0.1")]
    [InlineData("10.0.0.0/8, 127.0.0.0/8,::1")]
    public async Task RefusedKeys_AreNotLookedAtAfterAFew_OfOneAddress(string? proxies)
    {
        await using var server = await KeyedServer.StartAsync(
            databases,
            ("Limits:Rates:Refused:Burst", "3"), ("Limits:Rates:Refused:PerSecond", "0.01"), ("Proxies:Known", proxies ?? ""));
        for (var i = 0; i < 3; i++)
        {
            (await server.SendAsync("GET", "segments", null, "seg_wrong")).Expect(401);
        }

        // Not even one that is right, until a while has passed. Another address's, where a proxy that is known says so, is looked at.
        var refused = (await server.SendAsync("GET", "segments", null)).Expect(429);
        Assert.Equal("100", Header(refused, "Retry-After"));
        var elsewhere = await server.SendAsync("GET", "segments", null, headers: ("X-Forwarded-For", "203.0.113.7"));
        elsewhere.Expect(proxies is null ? 429 : 200);
        (await server.Open.GetAsync("/health/live")).Expect(200);
    }

    private static string Header(Answer answer, string name) => Assert.Single(answer.Message.Headers.GetValues(name));

    /// <summary>A service on a database of its own, with keys.</summary>
    private sealed class KeyedServer(ApiFixture.Server server, string key) : IAsyncDisposable
    {
        public Api Open => server.Api;

        public static async Task<KeyedServer> StartAsync(TestDatabase databases, params (string Key, string Value)[] settings)
        {
            var server = new ApiFixture.Server(await databases.CreateDatabaseAsync(), settings);
            return new KeyedServer(server, await CreateKeyAsync(server));
        }

        public Task<string> CreateKeyAsync() => CreateKeyAsync(server);

        public Task<Answer> SendAsync(
            string method, string path, string? body, string? other = null, params (string Name, string Value)[] headers) =>
            server.Api.SendAsync(
                method, path, body, path == "customers/import" ? "text/csv" : "application/json",
                [("Authorization", $"Bearer {other ?? key}"), .. headers]);

        public ValueTask DisposeAsync() => server.DisposeAsync();

        private static async Task<string> CreateKeyAsync(ApiFixture.Server server)
        {
            var token = ApiKeyToken.Create();
            await using var scope = server.Services.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            var now = DateTimeOffset.UtcNow;
            db.Add(new ApiKey
            {
                Id = token.Id,
                Name = "test",
                CreatedBy = "test",
                Scopes = [.. Scopes.OfKeys],
                CreatedAt = now,
                ExpiresAt = now.AddDays(1),
                Version = 1,
                Secrets = [new ApiKeySecret { Hash = token.Hash, CreatedAt = now }],
            });
            await using var transaction = await db.Database.BeginTransactionAsync();
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
            scope.ServiceProvider.GetRequiredService<Doors>().Close();
            return token.ToString();
        }
    }
}
