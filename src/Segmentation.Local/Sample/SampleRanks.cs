using Segmentation.Api.Customers;

namespace Segmentation.Local;

/// <summary>Customers' ranks by lifetime value.</summary>
internal static class SampleRanks
{
    /// <summary>Sets the ranks of customers, who are all that there are, by the lifetime values that they have.</summary>
    public static void Set(IReadOnlyCollection<Customer> customers)
    {
        var ordered = customers.Select(c => c.LifetimeValue).Order().ToArray();
        foreach (var customer in customers)
        {
            customer.Rank = (CountLess(ordered, customer.LifetimeValue), ordered.Length);
        }
    }

    private static int CountLess(decimal[] ordered, decimal value)
    {
        var (low, high) = (0, ordered.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = ordered[middle] < value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
