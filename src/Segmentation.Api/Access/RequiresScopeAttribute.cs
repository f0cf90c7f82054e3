using Microsoft.AspNetCore.Authorization;

namespace Segmentation.Api.Access;

/// <summary>Which scope an action needs: exactly one on each action, shown in the OpenAPI document.</summary>
/// <param name="scope">One of <see cref="Scopes"/>.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class RequiresScopeAttribute(string scope) : AuthorizeAttribute, IAuthorizationRequirement, IAuthorizationRequirementData
{
    /// <summary>The scope.</summary>
    public string Scope => scope;

    /// <summary>
    /// The path's parameter that holds a customer's id, where that customer may call as well, with <see cref="Scopes.Self"/>.
    /// </summary>
    public string? Self { get; init; }

    /// <summary>Another scope that lets in as well; where it lets do less, the action asks for the one that the request needs.</summary>
    public string? Or { get; init; }

    /// <inheritdoc/>
    public IEnumerable<IAuthorizationRequirement> GetRequirements() => [this];

    /// <summary>Lets in who has the scope, or is the customer.</summary>
    internal sealed class Handler : AuthorizationHandler<RequiresScopeAttribute>
    {
        protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, RequiresScopeAttribute requirement)
        {
            var caller = Caller.From(context.User);
            if (caller.Has(requirement.Scope)
                || (requirement.Or is { } other && caller.Has(other))
                || IsSelf(caller, requirement.Self, context.Resource as HttpContext))
            {
                context.Succeed(requirement);
            }

            return Task.CompletedTask;
        }

        private static bool IsSelf(Caller caller, string? parameter, HttpContext? request) =>
            parameter is not null && caller.CustomerId is { } customer && request?.GetRouteValue(parameter) as string == customer;
    }
}
