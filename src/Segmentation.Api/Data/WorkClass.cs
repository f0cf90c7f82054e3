namespace Segmentation.Api.Data;

/// <summary>
/// What kind of work a request or a task of the service's own is: each has connections of its own, time limits that the database's server
/// holds, and a number at once, so that none waits for another.
/// </summary>
public enum WorkClass
{
    /// <summary>By id, single writes, lists, definitions.</summary>
    Point,

    /// <summary>What evaluates rules over all customers, or reads much: preview, live, asOf, explain, overlap, combine, trend.</summary>
    Heavy,

    /// <summary>What writes many at once: imports, lines of events, long arrays; and erasures.</summary>
    Bulk,

    /// <summary>Downloads.</summary>
    Export,

    /// <summary>What stays open for long and mostly waits: server-sent events, the test of a webhook.</summary>
    Stream,

    /// <summary>The service's own: maintenance of membership, webhooks, looks at the data. No request.</summary>
    Keeper,

    /// <summary>Whether the service can answer.</summary>
    Health,
}
