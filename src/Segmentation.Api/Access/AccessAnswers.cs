using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Segmentation.Api.Http;

namespace Segmentation.Api.Access;

/// <summary>Answers who may not, before anything is looked for.</summary>
internal sealed class AccessAnswers : IAuthorizationMiddlewareResultHandler
{
    public Task HandleAsync(
        RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
    {
        var problem = authorizeResult.Challenged ? AccessProblems.Unauthorized(BearerToken.IsIn(context.Request))
            : authorizeResult.Forbidden ? Forbidden(context)
            : IsForeignPage(context) ? AccessProblems.ForeignOrigin()
            : null;
        return problem is null ? next(context) : ApiExceptionHandler.WriteAsync(context, problem, context.RequestAborted);
    }

    private static ApiProblem Forbidden(HttpContext context)
    {
        var needed = context.GetEndpoint()?.Metadata.GetMetadata<RequiresScopeAttribute>();
        return needed is { Self: not null } && context.Caller.CustomerId is not null ? AccessProblems.ForeignCustomer()
            : AccessProblems.Forbidden(needed?.Scope ?? Scopes.Admin);
    }

    // Programs that are no page's send no Origin.
    private static bool IsForeignPage(HttpContext context) =>
        context.Caller.Origins is { Count: > 0 } origins
        && context.Request.Headers.Origin is [{ } origin, ..]
        && !origins.Contains(origin, StringComparer.OrdinalIgnoreCase);
}
