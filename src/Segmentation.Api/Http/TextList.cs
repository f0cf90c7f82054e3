namespace Segmentation.Api.Http;

/// <summary>A setting that is a list of texts.</summary>
internal static class TextList
{
    /// <summary>Reads it: in JSON an array, or names with numbers; else one text with commas, which goes before those.</summary>
    /// <param name="configuration">All of it.</param>
    /// <param name="name">The setting's name.</param>
    /// <returns>The texts, trimmed; null where the setting is not there.</returns>
    public static string[]? Read(IConfiguration configuration, string name)
    {
        var section = configuration.GetSection(name);
        string[] items = section.Value is { Length: > 0 } text
            ? text.Split(',')
            : [.. section.GetChildren().Select(c => c.Value).OfType<string>()];
        items = [.. items.Select(i => i.Trim()).Where(i => i.Length > 0)];
        return items.Length == 0 && section.Value is null ? null : items;
    }
}
