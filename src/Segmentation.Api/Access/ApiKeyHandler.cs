using System.Security.Cryptography;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Segmentation.Api.Access;

/// <summary>Authenticates API keys.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, KnownKeys keys, TimeProvider time)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "Key";

    private static readonly AuthenticateResult Invalid = AuthenticateResult.Fail("The key is not valid.");
    private static readonly byte[] Dummy = new byte[SHA256.HashSizeInBytes];

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var text = BearerToken.Read(Request) ?? "";
        if (PublicKey.Read(text) is { } id)
        {
            return await AuthenticatePageAsync(id);
        }

        if (ApiKeyToken.Read(text) is not { } token)
        {
            return Invalid;
        }

        // Whatever is wrong takes the same time: one hash, two comparisons.
        var known = await keys.FindAsync(token.Id, Context.RequestAborted);
        var (now, hash) = (time.GetUtcNow(), token.Hash);
        var (last, before) = known?.Key.Secrets is { } secrets ? (secrets.ElementAtOrDefault(^1), secrets.ElementAtOrDefault(^2)) : default;
        var isLast = CryptographicOperations.FixedTimeEquals(hash, last?.Hash ?? Dummy);
        var isBefore = CryptographicOperations.FixedTimeEquals(hash, before?.Hash ?? Dummy);
        if ((isLast ? last : isBefore ? before : null) is not { } secret || !secret.IsLive(now) || !known!.Key.IsLive(now))
        {
            return Invalid;
        }

        keys.Use(secret);
        return AuthenticateResult.Success(new AuthenticationTicket(known.User, SchemeName));
    }

    // A public form has no secret of its own: it was used as the newest was.
    private async Task<AuthenticateResult> AuthenticatePageAsync(string id)
    {
        if (await keys.FindAsync(id, Context.RequestAborted) is not { PageUser: { } user } known || !known.Key.IsLive(time.GetUtcNow()))
        {
            return Invalid;
        }

        keys.Use(known.Key.Secrets[^1]);
        return AuthenticateResult.Success(new AuthenticationTicket(user, SchemeName));
    }
}
