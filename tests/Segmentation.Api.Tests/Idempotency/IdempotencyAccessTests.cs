using System.Text;
using Npgsql;
using Segmentation.Api.Idempotency;

namespace Segmentation.Api.Tests.Idempotency;

/// <summary>Requests that are sent again, by callers who are known.</summary>
public sealed class IdempotencyAccessTests : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private string connection = null!;
    private ApiFixture.Server server = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connection = await databases.CreateDatabaseAsync();
        server = new ApiFixture.Server(connection);
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

    [Fact]
    public async Task Erasure_TakesWhatNamesTheCustomerByAddressOrEmailWithIt()
    {
        var made = await MakeAsync("writer", """["admin","customers:write","segments:write"]""", 201);
        var bearer = ("Authorization", $"Bearer {made["secret"].GetString()}");

        // Whoever may not read is told the id in Location alone; a definition has the email; a body may begin with a mark.
        var first = (await server.Api.PostAsync("customers", """{"email":"jane@Example.com"}""", ("Idempotency-Key", "1"), bearer))
            .Expect(201);
        const string Rule = """{"combinator":"and","rules":[{"field":"customer.email","operator":"=","value":"Jane@EXAMPLE.com"}]}""";
        (await server.Api.PostAsync("segments", $$"""{"key":"janes","name":"Janes","rule":{{Rule}} }""", ("Idempotency-Key", "2"), bearer))
            .Expect(201);
        (await server.Api.SendAsync(
            "POST", "customers", Encoding.UTF8.GetBytes("\uFEFF" + """{"id":"other","email":"jane@example.COM"}"""), "application/json",
            [("Idempotency-Key", "3"), bearer])).Expect(201);
        var id = first.Message.Headers.Location!.OriginalString.Split('/')[^1];
        var about = Mentions.Hash("jane@example.com");
        Assert.Equal((1, 3), (await CountAsync(Mentions.Hash(id)), await CountAsync(about)));

        (await server.Api.DeleteAsync($"customers/{id}", bearer)).Expect(204);

        Assert.Equal((0, 0), (await CountAsync(Mentions.Hash(id)), await CountAsync(about)));
    }

    private async Task<long> CountAsync(long mention)
    {
        await using var database = NpgsqlDataSource.Create(connection);
        await using var command = database.CreateCommand($"SELECT count(*) FROM idempotency WHERE mentions @> ARRAY[{mention}]");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private async Task<Answer> MakeAsync(string name, string scopes, int status, params (string Name, string Value)[] caller) =>
        (await server.Api.PostAsync(
            "api-keys", $$"""{"name":"{{name}}","scopes":{{scopes}} }""", [.. caller, ("Idempotency-Key", name)])).Expect(status);
}
