using Microsoft.Extensions.DependencyInjection;

namespace Segmentation.Api.Tests.Access;

/// <summary>The API, closed, with an identity provider and an administrator's key.</summary>
public sealed class AccessWorld : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private int keys;

    public IdentityProvider Provider { get; private set; } = null!;

    public ApiFixture.Server Server { get; private set; } = null!;

    public Api Api => Server.Api;

    /// <summary>A key with every scope.</summary>
    public string Everything { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        Provider = await IdentityProvider.StartAsync();
        Server = await StartAsync(Provider.Settings);
        Everything = await AddKeyAsync([.. Segmentation.Api.Access.Scopes.OfKeys]);
    }

    public async Task DisposeAsync()
    {
        await Server.DisposeAsync();
        await Provider.DisposeAsync();
        await databases.DisposeAsync();
    }

    /// <summary>Another API, on a database of its own.</summary>
    public async Task<ApiFixture.Server> StartAsync(params (string Key, string Value)[] settings) =>
        new(await CreateDatabaseAsync(), settings);

    /// <summary>A database of its own, for APIs one after the other.</summary>
    public Task<string> CreateDatabaseAsync() => databases.CreateDatabaseAsync();

    /// <summary>Makes a key of <see cref="Server"/>.</summary>
    public async Task<string> AddKeyAsync(string[] scopes, Action<Segmentation.Api.Access.ApiKey>? change = null)
    {
        await using var scope = Server.Services.CreateAsyncScope();
        return await AccessKeys.AddAsync(scope.ServiceProvider, $"key{Interlocked.Increment(ref keys):D9}", scopes, change);
    }

    /// <summary>What a client sends with a key or a token.</summary>
    public static (string, string) With(string token) => ("Authorization", $"Bearer {token}");
}
