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
}
