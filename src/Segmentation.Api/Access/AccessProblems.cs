using Segmentation.Api.Http;

namespace Segmentation.Api.Access;

/// <summary>What is answered to who may not.</summary>
internal static class AccessProblems
{
    /// <summary>401. Unknown, revoked and expired have the same words.</summary>
    /// <param name="hasToken">Whether there was something that could have been a key or a token.</param>
    public static ApiProblem Unauthorized(bool hasToken) => hasToken
        ? new(StatusCodes.Status401Unauthorized, "The key or token is not valid.") { Challenge = "Bearer error=\"invalid_token\"" }
        : new(StatusCodes.Status401Unauthorized, "Send an API key or a token: Authorization: Bearer KEY.") { Challenge = "Bearer" };

    /// <summary>403, by which scope is missing.</summary>
    /// <param name="why">For what it is needed, where that is not clear.</param>
    /// <param name="places">Where the request asks for it.</param>
    public static ApiProblem Forbidden(string scope, string? why = null, IReadOnlyDictionary<string, string[]>? places = null) => new(
        StatusCodes.Status403Forbidden, why ?? $"This needs the scope {scope}.", places)
    {
        Challenge = $"Bearer error=\"insufficient_scope\", scope=\"{scope}\"",
    };

    /// <summary>403 for a token that is good for one customer alone, whether there is another or not.</summary>
    public static ApiProblem ForeignCustomer() => new(
        StatusCodes.Status403Forbidden, "This token is for its own customer alone.")
    {
        Challenge = $"Bearer error=\"insufficient_scope\", scope=\"{Scopes.Self}\"",
    };

    /// <summary>403 for a customer who is not proven.</summary>
    public static ApiProblem Unproven() => new(
        StatusCodes.Status403Forbidden,
        $"With {Scopes.DecisionsPublic} a customer needs its customerProof: hex HMAC-SHA256 of the customer's id by the key's secret.");

    /// <summary>403 for a key that is not for this page.</summary>
    public static ApiProblem ForeignOrigin() =>
        new(StatusCodes.Status403Forbidden, "This key is not for pages of this origin.");
}
