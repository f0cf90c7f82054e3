using Npgsql;

namespace Segmentation.Api.Customers;

/// <summary>Is called when a customer is erased.</summary>
public interface IErasureObserver
{
    /// <summary>
    /// Writes what has to be said of it, in the transaction that erases the customer, while everything of the customer is still there.
    /// </summary>
    Task ErasingAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long customerKey, DateTimeOffset at, CancellationToken cancellation);
}
