namespace Segmentation.Api.Memberships;

/// <summary>The settings <c>Membership:*</c>.</summary>
public sealed class MembershipOptions
{
    /// <summary>Days for which history is kept: who was a member and no longer is, and why; at least 1.</summary>
    public int HistoryDays
    {
        get;
        set => field = value >= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(HistoryDays), "Membership:HistoryDays must be at least 1.");
    } = 730;

    /// <summary>How long building one segment may take.</summary>
    internal TimeSpan BuildLimit { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long one customer may take in one segment, where PostgreSQL evaluates it while all others wait; whole seconds. Then the segment
    /// is rebuilt beside them instead.
    /// </summary>
    internal TimeSpan CustomerLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A build that has taken longer is kept out of the last free builder.</summary>
    internal TimeSpan LongBuild { get; init; } = TimeSpan.FromSeconds(30);
}
