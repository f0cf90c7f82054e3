namespace Segmentation.Rules.Backends.Sql;

/// <summary>An event of a sequence, in a query.</summary>
public sealed class SequenceRow
{
    /// <summary>The key of its customer.</summary>
    public long Owner { get; init; }

    /// <summary>When it happened.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>The step that it matches, from 0; an event that matches two is there twice.</summary>
    public int Step { get; init; }

    /// <summary>Until when the last step may happen; null where no sequence has come to this event.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>
    /// The greatest value among the rows of the same owner that are strictly earlier; null for none. In SQL only, where the host maps it to
    /// a window function.
    /// </summary>
    public static DateTimeOffset? FindLatestBefore(DateTimeOffset? value, long owner, DateTimeOffset at) =>
        throw new NotSupportedException();
}

/// <summary>A customer with events of a sequence, in a query.</summary>
public sealed class SequenceOwner
{
    /// <summary>Its key.</summary>
    public long Owner { get; init; }

    /// <summary>Whether a sequence has come to its end.</summary>
    public bool Found { get; init; }
}
