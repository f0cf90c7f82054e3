namespace Segmentation.Api.History;

/// <param name="Left">Customers that left.</param>
/// <param name="Joined">Customers that joined.</param>
/// <param name="To">Where those who left went, most first.</param>
/// <param name="None">How many of those who left joined no other segment.</param>
/// <param name="From">Where those who joined came from, most first.</param>
/// <param name="New">How many of those who joined left no other segment.</param>
/// <param name="Since">Where the period begins.</param>
/// <param name="Until">Where it ends, itself not in it.</param>
public sealed record Flows(
    long Left,
    long Joined,
    IReadOnlyList<Flow> To,
    long None,
    IReadOnlyList<Flow> From,
    long New,
    DateTimeOffset Since,
    DateTimeOffset Until);

/// <param name="Key">The other segment's.</param>
/// <param name="Name">The other segment's.</param>
/// <param name="Share">0 to 1, of all who left or joined.</param>
public sealed record Flow(string Key, string Name, long Customers, decimal Share);
