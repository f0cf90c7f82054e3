using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.Tokens;

namespace Segmentation.Api.Access;

/// <summary>Tokens of an identity provider.</summary>
internal static class Jwt
{
    public const string SchemeName = "Jwt";

    // Signed with a private key alone: whoever knows the public ones can't make any.
    private static readonly string[] Algorithms =
        [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.EcdsaSha256];

    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(60);

    public static AuthenticationBuilder AddJwt(this AuthenticationBuilder builder, JwtOptions jwt)
    {
        builder.Services.AddSingleton(jwt).AddSingleton<ProviderKeys>();
        builder.Services.AddOptions<JwtBearerOptions>(SchemeName).Configure<ProviderKeys>((o, keys) => o.ConfigurationManager = keys);
        return builder.AddJwtBearer(SchemeName, o =>
        {
            o.MapInboundClaims = false;
            o.TokenValidationParameters = new TokenValidationParameters
            {
                ValidAlgorithms = Algorithms,
                ValidAudience = jwt.Audience,
                ValidateIssuerSigningKey = true,
                TryAllIssuerSigningKeys = false, // A token names its key, and only that one is tried.
                ClockSkew = ClockSkew,
            };
            o.Events = new JwtBearerEvents { OnTokenValidated = context => SetCallerAsync(context, jwt) };
        });
    }

    private static Task SetCallerAsync(TokenValidatedContext context, JwtOptions jwt)
    {
        if (CreateCaller(context.Principal!, jwt) is { } caller)
        {
            context.Principal = CallerIdentity.CreateUser(caller);
        }
        else
        {
            context.Fail("The token has no subject.");
        }

        return Task.CompletedTask;
    }

    private static Caller? CreateCaller(ClaimsPrincipal token, JwtOptions jwt)
    {
        if (token.FindFirst("sub")?.Value is not { Length: > 0 } subject)
        {
            return null;
        }

        // Scopes that are not ours are somebody else's.
        string[] scopes =
        [
            .. token.FindAll(jwt.ScopeClaim).SelectMany(c => c.Value.Split(' ')).Where(Scopes.All.Contains).Distinct(),
        ];
        var party = token.FindFirst("azp")?.Value;
        var kind = scopes is [Scopes.Self] ? CallerKind.Self : CallerKind.Jwt;
        return new Caller(kind, party is null ? subject : $"{subject} {party}", scopes)
        {
            Name = subject,
            CustomerId = scopes.Contains(Scopes.Self) ? token.FindFirst(jwt.CustomerClaim)?.Value : null,
        };
    }
}
