namespace Segmentation.Api.Customers;

/// <summary>A new customer that a dry run has met: the next line with its id would be an update.</summary>
public sealed class SeenInDryRun
{
    /// <summary>A UUIDv7, so that old ones are found by their order.</summary>
    public Guid ImportId { get; set; }

    /// <summary>MD5 of the customer's id, which is not stored itself.</summary>
    public Guid IdHash { get; set; }
}
