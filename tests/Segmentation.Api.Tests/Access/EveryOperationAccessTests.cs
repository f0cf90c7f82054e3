using System.Text.RegularExpressions;
using Segmentation.Api.Access;

namespace Segmentation.Api.Tests.Access;

/// <summary>Who is let in, at every operation of the OpenAPI document, which says which scope that is.</summary>
public sealed partial class EveryOperationAccessTests(AccessWorld world) : IClassFixture<AccessWorld>, IAsyncLifetime
{
    private readonly List<Route> routes = [];

    public async Task InitializeAsync()
    {
        var document = (await world.Api.GetAsync("/swagger/v1/swagger.json")).Expect(200);
        foreach (var path in document["paths"].EnumerateObject().Where(p => !p.Name.StartsWith("/health", StringComparison.Ordinal)))
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                var security = operation.Value.GetProperty("security").EnumerateArray().SelectMany(s => s.EnumerateObject()).ToList();
                string[] Of(string scheme) =>
                    [.. security.Where(s => s.Name == scheme).SelectMany(s => s.Value.EnumerateArray()).Select(s => s.GetString()!)];
                var type = operation.Value.TryGetProperty("requestBody", out var body)
                    ? body.GetProperty("content").EnumerateObject().First().Name
                    : null;
                routes.Add(new Route(operation.Name.ToUpperInvariant(), path.Name, type, Of("ApiKey"), Of("Token")));
            }
        }

        Assert.True(routes.Count > 60, $"{routes.Count}");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Operation_EachOne_LetsInWhoHasItsScopeAlone()
    {
        Assert.All(routes, r => Assert.True(r.Keys.Length > 0 && r.Keys.All(r.Tokens.Contains), $"{r} has no scope."));
        Assert.All(routes, r => Assert.DoesNotContain(Scopes.Self, r.Keys));
        var provider = world.Provider;
        foreach (var scopes in routes.GroupBy(r => string.Join(' ', r.Keys)))
        {
            string[] granted = scopes.First().Keys, others = [.. Scopes.OfKeys.Except(granted)];
            var scope = string.Join(' ', granted);
            var good = await world.AddKeyAsync(granted);
            var known = ApiKeyToken.Read(good)!;
            (string Why, string? Token, int Expected)[] callers =
            [
                ("nobody", null, 401),
                ("a key with it", good, 0),
                ("a key with every other", await world.AddKeyAsync(others), 403),
                ("a revoked key", await world.AddKeyAsync(granted, k => k.RevokedAt = DateTimeOffset.UtcNow), 401),
                ("an expired key", await world.AddKeyAsync(granted, k => k.ExpiresAt = DateTimeOffset.UtcNow.AddSeconds(-1)), 401),
                ("a rotated key after its overlap",
                    await world.AddKeyAsync(granted, k => k.Secrets[0].ExpiresAt = DateTimeOffset.UtcNow.AddSeconds(-1)), 401),
                ("a key that is not there", ApiKeyToken.Create().ToString(), 401),
                ("another secret", ApiKeyToken.Create(known.Id).ToString(), 401),
                ("a key with a slip", good[..^1] + (good[^1] == 'x' ? 'y' : 'x'), 401),
                ("a token with it", provider.Sign(scope), 0),
                ("a token with every other", provider.Sign(string.Join(' ', others)), 403),
                ("an expired token", provider.Sign(scope, expires: TimeSpan.FromMinutes(-2)), 401),
                ("a token for others", provider.Sign(scope, audience: "shop"), 401),
                ("a token of others", provider.Sign(scope, issuer: "https://other.example"), 401),
                ("alg none", provider.SignNot(scope), 401),
                ("HS256 with the public key", provider.SignWithThePublicKey(scope), 401),
                ("RS384", provider.Sign(scope, algorithm: "RS384"), 401),
                ("an unknown kid", provider.Sign(scope, kid: "rsa-2"), 401),
                ("a kid that is a path", provider.Sign(scope, kid: "../../../../dev/null"), 401),
            ];
            foreach (var route in scopes)
            {
                foreach (var (why, token, expected) in callers)
                {
                    var (status, challenge) = await SendAsync(route, token, "x");
                    var right = expected == 0 ? status is not (401 or 403) : status == expected;
                    Assert.True(right, $"{route}, {why}: {status}, not {expected}");
                    var words = expected switch
                    {
                        0 => null,
                        401 when token is null => "Bearer",
                        401 => "Bearer error=\"invalid_token\"",
                        _ => $"Bearer error=\"insufficient_scope\", scope=\"{granted[0]}\"",
                    };
                    Assert.True(expected == 0 || challenge == words, $"{route}, {why}: {challenge}");
                }
            }
        }
    }

    [Fact]
    public async Task Self_EachOperation_IsForItsOwnCustomerAlone()
    {
        (await world.Api.PutAsync("customers/alice", "{}", AccessWorld.With(world.Everything))).Expect(201);
        (await world.Api.PutAsync("customers/bob", "{}", AccessWorld.With(world.Everything))).Expect(201);
        var (alice, bob) = (world.Provider.Sign("self unknown:scope"), world.Provider.Sign("self", "bob"));
        foreach (var route in routes)
        {
            var isOwn = route.Tokens.Contains(Scopes.Self);
            foreach (var (token, own, other) in new[] { (alice, "alice", "bob"), (bob, "bob", "alice") })
            {
                Assert.Equal(403, (await SendAsync(route, token, other)).Status);
                Assert.Equal(403, (await SendAsync(route, token, "nobody")).Status);
                Assert.Equal(403, (await SendAsync(route, token, own.ToUpperInvariant())).Status);
                var (status, _) = await SendAsync(route, token, own);
                Assert.True(isOwn ? status is not (401 or 403) : status == 403, $"{route}: {status}");
            }
        }

        Assert.Equal(
            ["/api/v1/customers/{id}/events", "/api/v1/customers/{id}/segments", "/api/v1/segments/{key}/members/{customerId}"],
            routes.Where(r => r.Tokens.Contains(Scopes.Self)).Select(r => r.Path).Order());
    }

    private async Task<(int Status, string? Challenge)> SendAsync(Route route, string? token, string customer)
    {
        var address = Placeholder().Replace(route.Path, m => m.Value switch
        {
            "{version}" => "1",
            "{key}" => "x",
            _ => customer,
        });

        // Whole customers need the one scope of two, ids the other.
        using var request = new HttpRequestMessage(new HttpMethod(route.Method), address);
        request.Content = route.Type is null ? null : new StringContent("{}", new System.Net.Http.Headers.MediaTypeHeaderValue(route.Type));
        request.Headers.TryAddWithoutValidation("Authorization", token is null ? null : $"Bearer {token}");
        using var answer = await world.Api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return ((int)answer.StatusCode, answer.Headers.TryGetValues("WWW-Authenticate", out var c) ? c.Single() : null);
    }

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Placeholder();

    private sealed record Route(string Method, string Path, string? Type, string[] Keys, string[] Tokens);
}
