using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Restricts the processing of a customer (GDPR 18, 21): its data is kept, and it is a member of nothing.</summary>
public sealed class RestrictionStore(SegmentationDb db, AuditLog log, CustomerMarks marks, TimeProvider time)
{
    private const string ReasonRule = "reason must be a text of 1 to 1,000 characters, without NUL.";

    private readonly DateTimeOffset now = LocalTime.Truncate(time.GetUtcNow());

    /// <summary>Restricts a customer, or says anew why it is restricted.</summary>
    /// <exception cref="ApiProblem">400: no reason; 404: there is no such customer.</exception>
    public async Task<Customer> RestrictAsync(string id, string? reason, CancellationToken cancellation) =>
        string.IsNullOrWhiteSpace(reason) || reason.Length > Customer.ReasonMaxLength || reason.Contains('\0', StringComparison.Ordinal)
            ? throw ApiProblem.Invalid("/reason", ReasonRule)
            : await ChangeAsync(
                id,
                "customers.restrict",
                c => (c.RestrictedAt, c.RestrictionReason) = (c.RestrictedAt ?? now, reason.Trim()),
                cancellation);

    /// <summary>Ends a restriction, where there is one.</summary>
    /// <exception cref="ApiProblem">404: there is no such customer.</exception>
    public Task LiftAsync(string id, CancellationToken cancellation) => ChangeAsync(
        id,
        "customers.unrestrict",
        c =>
        {
            (c.RestrictedAt, c.RestrictionReason) = (null, null);
            db.Add(new UnscoredCustomers { Keys = [c.Key] });
        },
        cancellation);

    // The reason may tell of the person, so that the audit log has none.
    private async Task<Customer> ChangeAsync(string id, string action, Action<Customer> change, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var key = (await db.FindCustomerAsync(id, cancellation)).Key;

        // First the lock, then the customer as it stands under it.
        await db.Database.ExecuteSqlAsync($"SELECT 1 FROM customers WHERE key = {key} FOR NO KEY UPDATE", cancellation);
        var customer = await db.Customers.FirstOrDefaultAsync(c => c.Key == key, cancellation) ?? throw ApiProblem.NotFound("customer");
        change(customer);
        if (ProfileChanges.Changed(db.Entry(customer)) is { Length: > 0 } changed)
        {
            customer.UpdatedAt = now;
            customer.Version++;
            ChangeLog.AppendProfile(db, key, changed, MembershipCause.Restriction);
            await db.SaveChangesAsync(cancellation);
            await log.AppendAsync(db, action, await marks.NameAsync(id, cancellation), cancellation: cancellation);
        }

        await transaction.CommitAsync(cancellation);
        return customer;
    }
}
