namespace Segmentation.Api.Http;

/// <summary>The origins whose pages may call from a browser.</summary>
internal static class Origins
{
    /// <summary>The setting's name.</summary>
    public const string Setting = "Cors:Origins";

    /// <summary>Reads a setting; each origin as a browser writes it, without the scheme's own port.</summary>
    public static string[] Read(IConfiguration configuration, string setting = Setting) =>
        [.. (TextList.Read(configuration, setting) ?? []).Select(o => new Uri(o).GetLeftPart(UriPartial.Authority))];

    /// <summary>What an origin must be; null for one that is right.</summary>
    public static string? Check(string origin)
    {
        const string shape = "a scheme, a host and perhaps a port, as in https://app.example.com";
        return origin.Contains('*', StringComparison.Ordinal) ? $"{shape}: each origin by its name, without *"
            : !Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.UserInfo.Length > 0 ? shape
            : origin.EndsWith('/') ? $"{shape}, without a slash at the end"
            : uri.PathAndQuery.Length > 1 || uri.Fragment.Length > 0 ? $"{shape}, without a path"
            : null;
    }
}
