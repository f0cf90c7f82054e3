namespace Segmentation.Api.Customers;

/// <summary>Holds what belongs to a customer in tables of its own, and erases it with the customer.</summary>
public interface IErasureObserver
{
    /// <summary>Erases what is held of the customer, whether it is stored or not. Called in the transaction that erases it.</summary>
    Task EraseAsync(string customerId, CancellationToken cancellation);
}
