using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// Erases customers: a transaction takes the customer out, with all but a mass of events and impressions. What is left of these is queued
/// by its key, which nobody else ever has, and goes behind it.
/// </summary>
public sealed class CustomerErasure(
    SegmentationDb db, IEnumerable<IErasureObserver> observers, AuditLog log, CustomerMarks marks, TimeProvider time)
{
    // Events that go at once. Of most customers that is all of them.
    internal const int FirstEvents = 1000;

    /// <summary>Erases a customer, or whatever else has its id.</summary>
    /// <param name="check">Of the customer that is there, locked, or null where none is: whether it is the one to erase.</param>
    /// <param name="at">When it was erased before, of one that a restored backup brought back; else null.</param>
    /// <param name="isOfMany">Whether it is one of many, see <see cref="Erasing"/>.</param>
    /// <returns>The receipt. Where nothing was left of one who was erased before, that one's; null where nothing ever was, and for one
    /// that is not to be erased.</returns>
    public async Task<string?> EraseAsync(
        string id, Func<Customer?, bool> check, CancellationToken cancellation, DateTimeOffset? at = null, bool isOfMany = false)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        await ScoreCopy.HoldAsync(db, cancellation);
        var customer = await db.LockCustomerAsync(id, erase: true, cancellation);
        if (!check(customer))
        {
            return null;
        }

        var now = LocalTime.Truncate(time.GetUtcNow());
        var mark = await marks.ComputeAsync(id, cancellation);
        await log.AppendAsync(db, "customers.erase", $"customers/{CustomerMarks.Write(mark)}", cancellation: cancellation);
        var erasing = new Erasing(id, customer, ErasureKind.Erase, isOfMany);
        await ForgetAsync(erasing, cancellation);
        await RemoveAsync(erasing, cancellation);
        var receipt = customer is null && erasing.Removed.Count == 0
            ? await db.ErasedIds.Where(e => e.IdHmac == mark).Join(
                db.Erasures, e => e.ErasureId, e => e.Id, (_, e) => e.Receipt).SingleOrDefaultAsync(cancellation)
            : await WriteReceiptAsync(
                erasing, mark, now, at ?? now, erasing.Removed.GetValueOrDefault("events") == FirstEvents, cancellation);
        await transaction.CommitAsync(cancellation);
        return receipt;
    }

    /// <summary>Erases what has a customer's id outside its own rows, whether it is stored or not, and its consents.</summary>
    internal async Task ForgetAsync(Erasing erasing, CancellationToken cancellation)
    {
        // Answers that are kept, and lines of imports that were rejected.
        erasing.Count("requests", await db.ForgetRequestsAsync(erasing.Names, cancellation));
        erasing.Count("rejectedLines", await db.ForgetRejectedLinesAsync(erasing.Id, erasing.Names, cancellation));
        foreach (var observer in observers)
        {
            await observer.EraseAsync(erasing, cancellation);
        }

        if (erasing.Customer is { Key: var key })
        {
            var records = db.ConsentRecords.Where(r => r.CustomerKey == key);
            erasing.Count("consents", await records.ExecuteDeleteAsync(cancellation));
        }
    }

    private async Task RemoveAsync(Erasing erasing, CancellationToken cancellation)
    {
        if (erasing.Customer is not { } customer)
        {
            return;
        }

        // Events have no foreign key; whoever stores one locks its customer first, and so comes before this or finds nobody.
        var (key, members) = (customer.Key, db.ManualMembers);
        erasing.Count("events", await db.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM events WHERE customer_key = {key}
                AND id = ANY (ARRAY(SELECT id FROM events WHERE customer_key = {key} ORDER BY id LIMIT {FirstEvents}))
            """, cancellation));
        erasing.Count("manualSegments", await members.Where(m => m.CustomerKey == key).ExecuteDeleteAsync(cancellation));
        await ScoreCopy.ForgetAsync(db, key, cancellation);
        erasing.Count("profiles", 1);
        db.Remove(customer);
        ChangeLog.AppendErased(db, key, erasing.Id);
    }

    /// <summary>Writes the receipt, notes the id as erased, and queues what is left.</summary>
    /// <param name="mark">The id's.</param>
    /// <param name="at">From before when nothing brings it back.</param>
    /// <param name="hasEvents">Whether events are left.</param>
    /// <returns>The receipt's number.</returns>
    internal async Task<string> WriteReceiptAsync(
        Erasing erasing, byte[] mark, DateTimeOffset now, DateTimeOffset at, bool hasEvents, CancellationToken cancellation)
    {
        var erasure = new Erasure
        {
            Kind = erasing.Kind,
            Receipt = CreateName("er_"),
            RequestedAt = now,
            CompletedAt = erasing.Customer is null ? now : null,
            By = await log.FindCallerAsync(cancellation),
            Removed = JsonSerializer.SerializeToElement(erasing.Removed),
            Definitions = [.. erasing.Definitions],
            Marks = erasing.Definitions.Count > 0 ? await ComputeMarksAsync(erasing, cancellation) : null,
        };
        db.Add(erasure);
        await db.SaveChangesAsync(cancellation);
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO erased (id_hmac, at, erasure_id) VALUES ({mark}, {at}, {erasure.Id})
            ON CONFLICT (id_hmac) DO UPDATE SET at = greatest(erased.at, excluded.at), erasure_id = excluded.erasure_id
            """, cancellation);
        if (erasing.Customer is { } customer)
        {
            var needsKey = erasing.Kind == ErasureKind.Erase || hasEvents;
            await db.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO erasure_queue (erasure_id, customer_key, order_key, has_events, visitors, last_impression)
                SELECT {erasure.Id}, CASE WHEN {needsKey} THEN {customer.Key} ELSE k END, k, {hasEvents},
                    {erasing.Impressions?.Visitors}, {erasing.Impressions?.Last}
                FROM hashtextextended({erasing.Id} COLLATE "C", 0) k
                """, cancellation);
        }

        return erasure.Receipt;
    }

    /// <summary>A name that nobody can guess, and that says nothing.</summary>
    internal static string CreateName(string prefix) => prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(17))[..22];

    private async Task<byte[][]> ComputeMarksAsync(Erasing erasing, CancellationToken cancellation)
    {
        var key = await marks.GetKeyAsync(cancellation);
        return Array.ConvertAll(erasing.FoldedNames, name => CustomerMarks.Compute(key, name));
    }
}
