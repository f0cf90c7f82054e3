namespace Segmentation.Api.Access;

/// <summary>What stands behind <c>Authorization: Bearer</c>.</summary>
internal static class BearerToken
{
    private const string Scheme = "Bearer ";

    public static bool IsIn(HttpRequest request) => Read(request) is not null;

    /// <summary>The key or token; null where there is none.</summary>
    public static string? Read(HttpRequest request) =>
        request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? header[Scheme.Length..].Trim()
            : null;
}
