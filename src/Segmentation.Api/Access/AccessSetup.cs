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
        services.AddHostedService<KeyUse>();
        services.AddAuthentication(AnyScheme)
            .AddPolicyScheme(AnyScheme, null, o => o.ForwardDefaultSelector = context => ChooseScheme(context.Request))
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null)
            .AddScheme<AuthenticationSchemeOptions, OpenHandler>(OpenHandler.SchemeName, null);

        // A route that nobody thought of is closed.
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        services.AddSingleton<IAuthorizationHandler, RequiresScopeAttribute.Handler>();
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, AccessAnswers>();
    }

    private static string ChooseScheme(HttpRequest request) =>
        BearerToken.Read(request) is null ? OpenHandler.SchemeName : ApiKeyHandler.SchemeName;
}
