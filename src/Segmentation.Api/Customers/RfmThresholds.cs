namespace Segmentation.Api.Customers;

/// <summary>
/// From which values on a customer has which RFM score: fixed by an analysis, and in force until the next. They are a part of the
/// definitions: what has read them is read again once there are others.
/// </summary>
public sealed class RfmThresholds
{
    /// <summary>Before the first analysis: nobody has a score.</summary>
    public static readonly RfmThresholds None = new();

    // Beyond all that customers can have.
    private static readonly DateTimeOffset Never = new(9999, 12, 1, 0, 0, 0, TimeSpan.Zero);
    private const decimal Infinite = 1e27m;

    public int Id { get; set; }

    /// <summary>The instant of the data.</summary>
    public DateTimeOffset ComputedAt { get; set; }

    /// <summary>How many customers had an order.</summary>
    public long Customers { get; set; }

    /// <summary>The earliest last orders that have at least 2, 3, 4 and 5; null where nobody has as much.</summary>
    public DateTimeOffset?[] LastOrderAt { get; set; } = [];

    /// <summary>The least numbers of orders that have at least 2, 3, 4 and 5.</summary>
    public int?[] OrderCount { get; set; } = [];

    /// <summary>The least lifetime values that have at least 2, 3, 4 and 5.</summary>
    public decimal?[] LifetimeValue { get; set; } = [];

    /// <summary>Whether there are any.</summary>
    public bool Exist => LastOrderAt.Length > 0;

    /// <summary>The earliest last order that has at least that score; later than any where none has.</summary>
    public DateTimeOffset FindRecency(decimal score) => Find(LastOrderAt, score, DateTimeOffset.UnixEpoch.AddYears(-1900), Never);

    /// <summary>The least number of orders that has at least that score.</summary>
    public int FindFrequency(decimal score) => Find(OrderCount, score, 0, int.MaxValue);

    /// <summary>The least lifetime value that has at least that score.</summary>
    public decimal FindMonetary(decimal score) => Find(LifetimeValue, score, -Infinite, Infinite);

    /// <summary>Whether scores are the same by these as by others.</summary>
    public bool AreSame(RfmThresholds other) => LastOrderAt.SequenceEqual(other.LastOrderAt)
        && OrderCount.SequenceEqual(other.OrderCount) && LifetimeValue.SequenceEqual(other.LifetimeValue);

    /// <summary>A customer's scores, 1 to 5 each; null without an order, and before there are thresholds.</summary>
    public (int Recency, int Frequency, int Monetary)? Score(Customer customer) => Exist && customer.OrderCount > 0
        ? (1 + LastOrderAt.Count(t => customer.LastOrderAt >= t), 1 + OrderCount.Count(t => customer.OrderCount >= t),
            1 + LifetimeValue.Count(t => customer.LifetimeValue >= t))
        : null;

    // Everyone has at least 1, nobody more than 5.
    private static T Find<T>(T?[] thresholds, decimal score, T least, T never)
        where T : struct =>
        score <= 1 ? least : score > thresholds.Length + 1 ? never : thresholds[(int)Math.Ceiling(score) - 2] ?? never;
}

/// <summary>All thresholds that there have been.</summary>
/// <param name="all">In the order of time.</param>
public sealed class RfmHistory(IReadOnlyList<RfmThresholds> all)
{
    public static readonly RfmHistory None = new([]);

    /// <summary>Those in force now.</summary>
    public RfmThresholds Latest { get; } = all.Count == 0 ? RfmThresholds.None : all[^1];

    /// <summary>Those that were in force at an instant.</summary>
    public RfmThresholds At(DateTimeOffset instant) => all.LastOrDefault(t => t.ComputedAt <= instant) ?? RfmThresholds.None;
}
