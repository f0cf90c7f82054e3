using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api;

/// <summary>Who may come in, before anybody does: the first keys, and a start that refuses to be open.</summary>
internal static class AccessStart
{
    private const string All = "all";
    private const string JwtSection = $"{AccessOptions.Section}:{nameof(AccessOptions.Jwt)}";

    /// <summary>Refuses half an identity provider.</summary>
    /// <exception cref="StartupException">A setting is missing, or one too many.</exception>
    public static void Check(IConfiguration configuration)
    {
        if (configuration.GetSection(JwtSection).Get<JwtOptions>() is not { } jwt)
        {
            return;
        }

        if (string.IsNullOrEmpty(jwt.Audience))
        {
            throw new StartupException($"{JwtSection}:Audience is missing: whom the tokens are for, else those for others would be taken.");
        }

        if (jwt is not ({ Authority.Length: > 0, JwksUri: null } or { Authority: null, JwksUri.Length: > 0, Issuer.Length: > 0 }))
        {
            throw new StartupException(
                $"{JwtSection} needs either Authority, the identity provider's address, or Issuer and JwksUri in its place.");
        }
    }

    /// <summary>Makes a key and shows it, this once.</summary>
    /// <param name="name">Whose it is.</param>
    /// <param name="list">Its scopes, with commas between; or <c>all</c>.</param>
    /// <exception cref="StartupException">It can't be made.</exception>
    public static async Task CreateKeyAsync(IServiceProvider services, string name, string? list, CancellationToken stop)
    {
        string[] scopes = list == All ? [.. Scopes.OfKeys]
            : list?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        var token = await AddKeyAsync(services, new ApiKeyResource { Name = name, Scopes = scopes }, ProgramParts.CreateKey, null, stop);
        await Console.Out.WriteLineAsync($"This key is shown once, and ends in a year; send it as Authorization: Bearer KEY.\n{token}");
    }

    /// <summary>Makes the key that was given, refuses to be open, and says so where it is, to this machine.</summary>
    /// <param name="fault">What is wrong with the database's tables, so that there can't be a key; null when nothing is.</param>
    /// <exception cref="StartupException">It would be open, or the given key can't be made.</exception>
    public static async Task PrepareAsync(WebApplication app, string? fault, Action<string> say, ILogger logger, CancellationToken stop)
    {
        var addresses = ListenAddresses.Read(app.Configuration);
        if (fault is not null)
        {
            // Every answer says that. From elsewhere nobody would know whether it is going to be open.
            if (!HasProvider(app.Services) && !addresses.All(ListenAddresses.IsLoopback))
            {
                throw new StartupException(fault);
            }

            return;
        }

        await MakeGivenKeyAsync(app.Services, logger, stop);
        await RefuseOpenAsync(app.Services, addresses, stop);
        if (await app.Services.GetRequiredService<Doors>().AreOpenAsync(stop))
        {
            say($"Access… open to everything on this machine, without a key; the first one closes it ({ProgramParts.CreateKey})");
        }
    }

    /// <summary>Makes the key that a file holds, where there is none of its id.</summary>
    /// <exception cref="StartupException">The file can't be read, or holds no key.</exception>
    private static async Task MakeGivenKeyAsync(IServiceProvider services, ILogger logger, CancellationToken stop)
    {
        const string setting = $"{AccessOptions.Section}:{nameof(AccessOptions.BootstrapKeyFile)}";
        if (services.GetRequiredService<AccessOptions>().BootstrapKeyFile is not { Length: > 0 } file)
        {
            return;
        }

        ApiKeyToken token;
        try
        {
            token = ApiKeyToken.Read((await File.ReadAllTextAsync(file, stop)).Trim())
                ?? throw new StartupException($"{setting}: {file} does not hold an API key. scripts/secrets makes one.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"{setting}: {file} can't be read: {e.Message}", e);
        }

        await using var scope = services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        if (await db.ApiKeys.AsNoTracking().SingleOrDefaultAsync(k => k.Id == token.Id, stop) is not { } key)
        {
            await AddKeyAsync(services, new ApiKeyResource { Name = "bootstrap", Scopes = [.. Scopes.OfKeys] }, setting, token, stop);
        }
        else if (!key.IsLive(scope.ServiceProvider.GetRequiredService<TimeProvider>().GetUtcNow()))
        {
            logger.LogWarning("The API key in {Setting} is revoked or has expired, and stays so", setting);
        }
    }

    /// <summary>Refuses to be reached from elsewhere while nothing says who may come in.</summary>
    /// <param name="addresses">Where it listens, or is going to.</param>
    /// <exception cref="StartupException">It would be open.</exception>
    public static async Task RefuseOpenAsync(IServiceProvider services, IEnumerable<string> addresses, CancellationToken stop)
    {
        if (HasProvider(services)
            || addresses.FirstOrDefault(a => !ListenAddresses.IsLoopback(a)) is not { } address)
        {
            return;
        }

        await using var scope = services.CreateAsyncScope();
        if (!await scope.ServiceProvider.GetRequiredService<ApiKeyStore>().HasAdminAsync(stop))
        {
            throw new StartupException(
                $"{address} is reached from other machines, and nothing says who may come in. Make an API key first "
                + $"({ProgramParts.CreateKey} NAME {ProgramParts.KeyScopes} all), or name an identity provider ({JwtSection}:Authority and "
                + $"{JwtSection}:Audience). Without either it listens on this machine alone: --urls http://localhost:5080.");
        }
    }

    private static bool HasProvider(IServiceProvider services) => services.GetRequiredService<AccessOptions>().Jwt is not null;

    private static async Task<ApiKeyToken> AddKeyAsync(
        IServiceProvider services, ApiKeyResource body, string by, ApiKeyToken? given, CancellationToken stop)
    {
        await using var scope = services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        var store = scope.ServiceProvider.GetRequiredService<ApiKeyStore>();
        try
        {
            await using var transaction = await db.Database.BeginTransactionAsync(stop);
            await store.LockAsync(stop);
            var (_, token) = await store.AddAsync(body, Caller.Anyone, by, stop, given);
            await transaction.CommitAsync(stop);
            return token;
        }
        catch (ApiProblem problem)
        {
            throw new StartupException($"The API key can't be made: {problem.Summary()}", problem);
        }
    }
}
