namespace Segmentation.Api.Access;

/// <summary>The section <c>Access</c>: who may come in.</summary>
public sealed class AccessOptions
{
    public const string Section = "Access";

    /// <summary>Days after which a key expires at the latest.</summary>
    public int MaxKeyDays { get; set; } = 730;

    /// <summary>A file with an API key that is made, with every scope, where there is none of its id.</summary>
    public string? BootstrapKeyFile { get; set; }

    /// <summary>The identity provider whose tokens are taken; null for none.</summary>
    public JwtOptions? Jwt { get; set; }
}

/// <summary>The section <c>Access:Jwt</c>: whose tokens are taken.</summary>
public sealed class JwtOptions
{
    /// <summary>The provider's address, whose discovery document says the rest.</summary>
    public string? Authority { get; set; }

    /// <summary>In place of <see cref="Authority"/>: what tokens name as their issuer.</summary>
    public string? Issuer { get; set; }

    /// <summary>In place of <see cref="Authority"/>: where its keys are.</summary>
    public string? JwksUri { get; set; }

    /// <summary>Whom tokens must be for.</summary>
    public string? Audience { get; set; }

    /// <summary>The claim that holds scopes, with spaces between or as a list.</summary>
    public string ScopeClaim { get; set; } = "scope";

    /// <summary>The claim that holds a customer's id, for tokens with the scope <c>self</c>.</summary>
    public string CustomerClaim { get; set; } = "sub";
}
