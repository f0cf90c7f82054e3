namespace Segmentation.Api.Customers;

/// <summary>A customer that was put into a manual segment.</summary>
public sealed class ManualMember
{
    public int SegmentId { get; set; }
    public long CustomerKey { get; set; }
    public DateTimeOffset AddedAt { get; set; }
    public Customer Customer { get; set; } = null!;
}
