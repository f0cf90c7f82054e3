using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Finds a customer by the caller's id.</summary>
internal static class CustomerQueries
{
    /// <summary>The customer, to be read.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public static async Task<Customer> FindCustomerAsync(this SegmentationDb db, string id, CancellationToken cancellation) =>
        (CustomerIds.CanExist(id) ? await db.Customers.AsNoTracking().FirstOrDefaultAsync(c => c.Id == id, cancellation) : null)
            ?? throw ApiProblem.NotFound("customer");

    /// <summary>Those whose id, email, first or last name begins with a text, whatever its case; all for a blank one.</summary>
    public static IQueryable<Customer> FindByPrefix(this IQueryable<Customer> customers, string text)
    {
        var prefix = CaseNormalizer.Normalize(text.Trim());
        return prefix.Length == 0 ? customers : customers.Where(c =>
            c.IdFolded.StartsWith(prefix)
            || c.EmailFolded!.StartsWith(prefix)
            || c.FirstNameFolded!.StartsWith(prefix)
            || c.LastNameFolded!.StartsWith(prefix));
    }

    /// <summary>The customer's key.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public static async Task<long> FindCustomerKeyAsync(this SegmentationDb db, string id, CancellationToken cancellation) =>
        (CustomerIds.CanExist(id)
            ? await db.Customers.Where(c => c.Id == id).Select(c => (long?)c.Key).FirstOrDefaultAsync(cancellation)
            : null)
            ?? throw ApiProblem.NotFound("customer");

    /// <summary>Locks the customer and reads it, to be changed or erased: the version that is checked is the one that is replaced, and no
    /// event adds to an old state. Null where there is none.</summary>
    // First the lock, then the customer: from a statement of ours EF Core reads no complex property whose columns have names of their own.
    public static async Task<Customer?> LockCustomerAsync(this SegmentationDb db, string id, bool erase, CancellationToken cancellation)
    {
        if (!CustomerIds.CanExist(id))
        {
            return null;
        }

        // Two steps: one that comes into being between them has not been locked, and is none of ours yet.
        await using var batch = new NpgsqlBatch((NpgsqlConnection)db.Database.GetDbConnection());
        if (!erase)
        {
            batch.BatchCommands.Add(Plans.MakeOnce());
        }

        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            $"SELECT key FROM customers WHERE id = $1 FOR {(erase ? "UPDATE" : "NO KEY UPDATE")}")
        {
            Parameters = { SqlParameter.Create(id) },
        });
        return await batch.ExecuteScalarAsync(cancellation) is long key
            ? await db.Customers.FirstOrDefaultAsync(c => c.Key == key, cancellation)
            : null;
    }
}
