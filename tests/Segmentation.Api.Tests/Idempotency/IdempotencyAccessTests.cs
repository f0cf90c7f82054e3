namespace Segmentation.Api.Tests.Idempotency;

/// <summary>Requests that are sent again, by callers who are known.</summary>
public sealed class IdempotencyAccessTests : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private ApiFixture.Server server = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        server = new ApiFixture.Server(await databases.CreateDatabaseAsync());
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await databases.DisposeAsync();
    }

    [Fact]
    public async Task Post_OfTwoCallersWithOneKey_IsTwoRequests_AndAKeyIsMadeAndRotatedOnce()
    {
        var first = await MakeAsync("first", """["admin","customers:write"]""", 201);
        var mine = ("Authorization", $"Bearer {first["secret"].GetString()}");
        var made = await MakeAsync("second", """["admin","customers:write"]""", 201, mine);
        var theirs = ("Authorization", $"Bearer {made["secret"].GetString()}");
        var again = await MakeAsync("second", """["admin","customers:write"]""", 409, mine);
        Assert.Equal($"It was made, and its secret was shown once: {made.Message.Headers.Location}", again["title"].GetString());
        var path = $"api-keys/{made["id"].GetString()}";
        var rotated = (await server.Api.PostAsync($"{path}/rotate", "{}", mine, ("Idempotency-Key", "rotate"))).Expect(200);
        (await server.Api.PostAsync($"{path}/rotate", "{}", mine, ("Idempotency-Key", "rotate"))).Expect(409);
        Assert.Equal(rotated["id"].GetString(), made["id"].GetString());
        Assert.Equal(2, (await server.Api.GetAsync(path, mine)).Expect(200)["secrets"].GetArrayLength());
        Assert.Equal(2, (await server.Api.GetAsync("api-keys", mine)).Expect(200)["items"].GetArrayLength());

        var customers = new List<Uri?>();
        foreach (var caller in new[] { mine, theirs, mine, theirs })
        {
            // They may not read customers, so that the address alone is answered.
            var answer = (await server.Api.PostAsync("customers", "{}", caller, ("Idempotency-Key", "same"))).Expect(201);
            customers.Add(answer.Message.Headers.Location);
        }

        Assert.Equal((customers[0], customers[1], 2), (customers[2], customers[3], customers.Distinct().Count()));
        (await server.Api.PostAsync("customers", "{}", ("Idempotency-Key", "same"))).Expect(401);
    }

    private async Task<Answer> MakeAsync(string name, string scopes, int status, params (string Name, string Value)[] caller) =>
        (await server.Api.PostAsync(
            "api-keys", $$"""{"name":"{{name}}","scopes":{{scopes}} }""", [.. caller, ("Idempotency-Key", name)])).Expect(status);
}
