namespace Segmentation.Api.Customers;

/// <summary>Those whose data is kept and not used: no model learns of them, or scores them, and they are compared with nobody.</summary>
internal static class RestrictedCustomers
{
    /// <summary>Their keys: few, by an index of their own.</summary>
    public const string Sql = "SELECT key FROM customers WHERE restricted_at IS NOT NULL";

    /// <summary>The condition that a customer's key is none of theirs.</summary>
    /// <param name="key">A column that is never null.</param>
    public static string ExceptSql(string key) => $"{key} NOT IN ({Sql})";
}
