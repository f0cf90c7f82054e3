using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules.Events;

namespace Segmentation.Api.Events;

/// <summary>
/// Something a customer did. There are many of these, so the text that rules read (folded) is the main column, and the
/// original is stored only where it differs.
/// </summary>
public sealed class CustomerEvent
{
    public const int IdMaxLength = 128;
    public const int TypeMaxLength = 128;
    public const int ChannelMaxLength = 128;
    public const int CurrencyLength = 3;

    /// <summary>UTF-8 bytes of an event's properties.</summary>
    public const int PropertiesMaxBytes = 32 * 1024;

    /// <summary>Objects and lists inside one another in an event's properties.</summary>
    public const int PropertiesMaxDepth = 10;

    public long CustomerKey { get; set; }

    /// <summary>The caller's id, or one made here; unique for its customer.</summary>
    public required string Id { get; set; }
    public DateTimeOffset OccurredAt { get; set; }

    /// <summary>Folded.</summary>
    [ListKey]
    public required string Type { get; set; }
    public string? TypeSent { get; set; }

    /// <summary>Exact decimal; null is "no amount".</summary>
    public decimal? Amount { get; set; }

    /// <summary>Folded.</summary>
    public string? Channel { get; set; }
    public string? ChannelSent { get; set; }
    public string? Currency { get; set; }

    /// <summary>A JSON object with its texts folded and its numbers rounded (<see cref="EventProperties.Fold"/>).</summary>
    public JsonElement? Properties { get; set { field = value; read = default; } }

    /// <summary>The object as it was sent, where it differs; its text, where PostgreSQL does not hold its numbers.</summary>
    public JsonElement? PropertiesSent { get; set; }

    /// <summary>Of feedback, -1 to 1, three decimals; null where nobody can tell.</summary>
    public decimal? Sentiment { get; set; }

    /// <summary>What the sentiment is from (<see cref="SentimentSources"/>).</summary>
    public string? SentimentSource { get; set; }

    public Customer Customer { get; set; } = null!;

    private (string Name, string? Text) read;

    /// <summary>
    /// A text in the properties (<see cref="JsonValue.Text(JsonElement?, string[])"/>). The last one at the top is remembered.
    /// </summary>
    public string? PropertyText(string[] path)
    {
        if (path is not [var name])
        {
            return JsonValue.Text(Properties, path);
        }

        if (read.Name != name)
        {
            read = (name, JsonValue.Text(Properties, path));
        }

        return read.Text;
    }
}
