using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>Finds a customer by the caller's id.</summary>
internal static class CustomerQueries
{
    /// <summary>The customer, to be read.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public static async Task<Customer> FindCustomerAsync(this SegmentationDb db, string id, CancellationToken cancellation) =>
        (CustomerIds.CanExist(id) ? await db.Customers.AsNoTracking().FirstOrDefaultAsync(c => c.Id == id, cancellation) : null)
            ?? throw ApiProblem.NotFound("customer");

    /// <summary>The customer's key.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public static async Task<long> FindCustomerKeyAsync(this SegmentationDb db, string id, CancellationToken cancellation) =>
        (CustomerIds.CanExist(id)
            ? await db.Customers.Where(c => c.Id == id).Select(c => (long?)c.Key).FirstOrDefaultAsync(cancellation)
            : null)
            ?? throw ApiProblem.NotFound("customer");
}
