namespace Segmentation.Api.Customers;

/// <summary>The restriction of a customer.</summary>
/// <param name="Restricted">True.</param>
/// <param name="RestrictionReason">Why, in the words of whoever restricted it.</param>
/// <param name="RestrictedAt">Since when.</param>
public sealed record RestrictionResource(bool Restricted, string RestrictionReason, DateTimeOffset RestrictedAt)
{
    /// <summary>Null for a customer that is not restricted.</summary>
    internal static RestrictionResource? From(Customer customer) =>
        customer.RestrictedAt is { } at ? new RestrictionResource(true, customer.RestrictionReason!, at) : null;
}
