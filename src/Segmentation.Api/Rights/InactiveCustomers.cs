using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;

namespace Segmentation.Api.Rights;

/// <summary>
/// Erases customers who have shown no sign of life for <see cref="RetentionOptions.InactiveCustomersDays"/>: no event, no visit that was
/// sent (<c>lastSeenAt</c>), and no write of their profile. Each is erased as by <c>DELETE /customers/{id}</c>, in its own transaction; the
/// definitions are read behind that, once for many.
/// </summary>
internal sealed class InactiveCustomers(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, IServiceScopeFactory scopes, RetentionOptions options,
    RetentionThrottle throttle, TimeProvider time)
{
    // As many as events in bulk: whoever is erased leaves segments.
    private const int Page = 500;

    // greatest leaves out what is null. Whose data is only kept stays: that is what a restriction is for.
    private const string Inactive =
        "greatest(created_at, updated_at, last_seen_at, last_event_at) < $1 AND restricted_at IS NULL";

    /// <summary>Erases them. After a failure halfway, the next run goes on.</summary>
    /// <returns>How many.</returns>
    public async Task<int> EraseAsync(CancellationToken cancellation)
    {
        if (options.InactiveCustomersDays == 0)
        {
            return 0;
        }

        var before = time.GetUtcNow().AddDays(-options.InactiveCustomersDays);
        var (erased, last) = (0, 0L);
        while (true)
        {
            var page = await database.QueryAsync(
                $"SELECT key, id FROM customers WHERE {Inactive} AND key > $2 ORDER BY key LIMIT {Page}",
                r => (Key: r.GetInt64(0), Id: r.GetString(1)), cancellation,
                SqlParameter.Create(before, NpgsqlDbType.TimestampTz), SqlParameter.Create(last));
            erased += await throttle.RunAsync(() => ErasePageAsync(page, before, cancellation), cancellation);

            if (page.Count < Page)
            {
                return erased;
            }

            last = page[^1].Key;
        }
    }

    private async Task<int> ErasePageAsync(List<(long Key, string Id)> page, DateTimeOffset before, CancellationToken cancellation)
    {
        var erased = 0;
        foreach (var (key, id) in page)
        {
            erased += await TryEraseAsync(key, id, before, cancellation) ? 1 : 0;
        }

        return erased;
    }

    // Looked at again under its lock: a page takes a while, and who came back in it stays.
    private async Task<bool> TryEraseAsync(long key, string id, DateTimeOffset before, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<CustomerErasure>()
            .EraseAsync(id, c => c?.Key == key && IsInactive(c, before), cancellation, isOfMany: true) is not null;
    }

    private static bool IsInactive(Customer c, DateTimeOffset before) => c.RestrictedAt is null && c.CreatedAt < before
        && c.UpdatedAt < before && !(c.LastSeenAt >= before) && !(c.LastEventAt >= before);
}
