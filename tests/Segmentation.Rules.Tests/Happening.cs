using System.Text.Json;

namespace Segmentation.Rules.Tests;

/// <summary>Something that a person did.</summary>
public sealed class Happening(string type, string at, decimal? amount = null, string? channel = null, string? properties = null)
{
    public long PersonKey { get; set; }
    public Person Person { get; set; } = null!;
    public string Type => type;
    public DateTimeOffset OccurredAt { get; } = Instants.Parse(at);
    public decimal? Amount => amount;
    public string? Channel => channel;
    public JsonElement? Properties { get; } = properties is null ? null : Json.Parse(properties);

    /// <summary>The value at a path; dots descend.</summary>
    public JsonElement? At(string[] path)
    {
        var found = Properties;
        foreach (var name in path)
        {
            found = found is { ValueKind: JsonValueKind.Object } parent && parent.TryGetProperty(name, out var child) ? child : null;
        }

        return found;
    }
}
