using System.Text.Json.Serialization;

namespace Segmentation.Api.History;

/// <summary>Where those who left a segment went, and where those who joined it came from.</summary>
/// <param name="Left">How many customers left.</param>
/// <param name="Joined">How many customers joined.</param>
/// <param name="To">Where those who left went, most first.</param>
/// <param name="None">How many of those who left joined no other segment.</param>
/// <param name="From">Where those who joined came from, most first.</param>
/// <param name="New">How many of those who joined left no other segment.</param>
/// <param name="Since">Where the period begins.</param>
/// <param name="Until">Where it ends; this instant is not in it.</param>
/// <param name="HistorySince">From when on the segment's history is known; nothing before it is counted. Null where nothing has ever been
/// stored.</param>
public sealed record Flows(
    long Left,
    long Joined,
    IReadOnlyList<Flow> To,
    long None,
    IReadOnlyList<Flow> From,
    long New,
    DateTimeOffset Since,
    DateTimeOffset Until,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? HistorySince);

/// <summary>The customers that went to another segment, or came from it.</summary>
/// <param name="Key">The other segment's key.</param>
/// <param name="Name">The other segment's name.</param>
/// <param name="Customers">How many.</param>
/// <param name="Share">0 to 1, of all who left or joined.</param>
public sealed record Flow(string Key, string Name, long Customers, decimal Share);
