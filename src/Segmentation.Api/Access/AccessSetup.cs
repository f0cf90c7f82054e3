using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;

namespace Segmentation.Api.Access;

internal static class AccessSetup
{
    private const string AnyScheme = "Access";

    /// <summary>Who a caller is, and what it may do: API keys, tokens of an identity provider, or nobody's on loopback.</summary>
    public static void AddAccess(this IServiceCollection services, IConfiguration configuration)
    {
        var options = configuration.GetSection(AccessOptions.Section).Get<AccessOptions>() ?? new AccessOptions();
        services.AddSingleton(options);
        services.AddSingleton<Doors>();
        services.AddSingleton<KnownKeys>();
        services.AddSingleton<CustomerProofs>();
        services.AddSingleton<AccessWatch>();
        services.AddHostedService<KeyUse>();
        services.AddScoped<ApiKeyStore>();
        var schemes = services.AddAuthentication(AnyScheme)
            .AddPolicyScheme(AnyScheme, null, o => o.ForwardDefaultSelector = context => ChooseScheme(context.Request, options.Jwt))
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null)
            .AddScheme<AuthenticationSchemeOptions, OpenHandler>(OpenHandler.SchemeName, null);
        if (options.Jwt is not null)
        {
            schemes.AddJwt(options.Jwt);
        }

        // A route that nobody thought of is closed.
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        services.AddSingleton<IAuthorizationHandler, RequiresScopeAttribute.Handler>();
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, AccessAnswers>();
    }

    private static string ChooseScheme(HttpRequest request, JwtOptions? jwt) => BearerToken.Read(request) switch
    {
        null => OpenHandler.SchemeName,
        var token when jwt is not null && !token.StartsWith(ApiKeyToken.Prefix, StringComparison.Ordinal)
            && !token.StartsWith(PublicKey.Prefix, StringComparison.Ordinal) => Jwt.SchemeName,
        _ => ApiKeyHandler.SchemeName,
    };
}
