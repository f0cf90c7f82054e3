using System.Security.Claims;

namespace Segmentation.Api.Access;

/// <summary>How a caller said who it is.</summary>
public enum CallerKind
{
    /// <summary>Not at all: with every scope on loopback without access control; else with none, at what is for anyone.</summary>
    None,

    /// <summary>By an API key.</summary>
    Key,

    /// <summary>By a token of the identity provider.</summary>
    Jwt,

    /// <summary>By such a token that is good for one customer's own data alone.</summary>
    Self,
}

/// <summary>How many requests a key may send, where that is its own matter.</summary>
/// <param name="PerSecond">Requests a second, in the long run.</param>
/// <param name="Burst">Requests at once, at most.</param>
public sealed record CallerLimits(int PerSecond, int Burst);

/// <summary>Who sent a request, and what it may do.</summary>
/// <param name="Kind">How it said who it is.</param>
/// <param name="Id">The key's id; of a token <c>sub</c>, and <c>azp</c> where there is one. Unique with <paramref name="Kind"/>.</param>
/// <param name="Scopes">What it may do.</param>
public sealed record Caller(CallerKind Kind, string Id, IReadOnlyList<string> Scopes)
{
    /// <summary>Whoever did not say who it is, where that is needed.</summary>
    public static Caller Nobody { get; } = new(CallerKind.None, "", []);

    /// <summary>Whoever calls a service on loopback without access control.</summary>
    public static Caller Anyone { get; } = new(CallerKind.None, "", Access.Scopes.OfKeys);

    /// <summary>Its name in what it writes; null where it has none.</summary>
    public string? Name { get; init; }

    /// <summary>What people call its key; null where it has none.</summary>
    public string? KeyName { get; init; }

    /// <summary>The customer that it is, as its token says; null where it says none, or <c>self</c> is not among the scopes.</summary>
    public string? CustomerId { get; init; }

    /// <summary>The rates that its key was given; null for those of all.</summary>
    public CallerLimits? Limits { get; init; }

    /// <summary>The origins whose pages may use its key; empty for all.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>Whether it may do what this scope allows.</summary>
    public bool Has(string scope) => Scopes.Contains(scope);

    /// <summary>Refuses what this scope is needed for.</summary>
    /// <exception cref="Http.ApiProblem">403.</exception>
    public void Require(string scope)
    {
        if (!Has(scope))
        {
            throw AccessProblems.Forbidden(scope);
        }
    }

    /// <summary>The caller that a request was authenticated as.</summary>
    public static Caller From(ClaimsPrincipal user) => user.Identity is CallerIdentity identity ? identity.Caller : Nobody;
}

/// <summary>A caller as ASP.NET Core carries it.</summary>
internal sealed class CallerIdentity(Caller caller) : ClaimsIdentity(nameof(Access))
{
    public Caller Caller => caller;

    public override string? Name => caller.Name;

    public static ClaimsPrincipal CreateUser(Caller caller) => new(new CallerIdentity(caller));
}

/// <summary>Finds the caller of a request.</summary>
public static class CallerExtensions
{
    extension(HttpContext context)
    {
        /// <summary>Who sent this request.</summary>
        public Caller Caller => Caller.From(context.User);
    }
}
