using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Records consents one at a time, each with what proves it.</summary>
public sealed class ConsentStore(SegmentationDb db, AuditLog log, CustomerMarks marks, TimeProvider time)
{
    private readonly DateTimeOffset now = LocalTime.Truncate(time.GetUtcNow());

    /// <summary>Appends a record of a consent that was given or withdrawn.</summary>
    /// <returns>The consent as it stands: by this record, unless a newer one was there.</returns>
    /// <exception cref="ApiProblem">400: it is invalid, or its purpose is not registered; 404: there is no such customer.</exception>
    public async Task<ConsentRecordResource> RecordAsync(
        string id, string purpose, ConsentRecordResource body, CancellationToken cancellation)
    {
        var faults = body.Faults(now).ToList();
        if (body.Purpose is not null && body.Purpose != purpose)
        {
            faults.Add(new("/purpose", "The purpose is that of the address."));
        }

        if (faults.Count > 0)
        {
            throw ApiProblem.Invalid(faults);
        }

        await using var transaction = await db.BeginAsync(cancellation);
        await CheckPurposeAsync(purpose, cancellation);
        var key = (await db.FindCustomerAsync(id, cancellation)).Key;

        // First the lock, then the customer as it stands under it.
        await db.Database.ExecuteSqlAsync($"SELECT 1 FROM customers WHERE key = {key} FOR NO KEY UPDATE", cancellation);
        var customer = await db.Customers.FirstOrDefaultAsync(c => c.Key == key, cancellation) ?? throw ApiProblem.NotFound("customer");
        var standing = CustomerConsents.Read(customer);
        var record = new ConsentRecord
        {
            CustomerKey = key,
            Purpose = purpose,
            Granted = body.Granted!.Value,
            At = body.At is { } at ? LocalTime.Truncate(at) : CustomerConsents.Now(standing.GetValueOrDefault(purpose), now),
            ReceivedAt = now,
            Source = body.Source!,
            PolicyVersion = body.PolicyVersion,
            Evidence = body.Evidence,
        };
        db.Add(record);
        CustomerConsents.KeepNewest(standing, new() { [purpose] = new() { Granted = record.Granted, At = record.At } });
        if (standing.Count > Customer.SetMaxItems)
        {
            throw ApiProblem.Invalid("/purpose", CustomerValidator.TooManyConsents);
        }

        var before = customer.Consents;
        CustomerConsents.Set(customer, standing);
        if (before is not { } present || !JsonElement.DeepEquals(present, customer.Consents!.Value))
        {
            customer.UpdatedAt = now;
            customer.Version++;
            ChangeLog.AppendProfile(db, key, ProfileChanges.Changed(db.Entry(customer)), MembershipCause.Consent);
        }

        await db.SaveChangesAsync(cancellation);
        await log.AppendAsync(
            db, "consents.record", await marks.NameAsync(id, cancellation),
            after: JsonSerializer.SerializeToNode(
                new { record.Purpose, record.Granted, record.At, record.Source, record.PolicyVersion }, Json.Options),
            cancellation: cancellation);
        var stands = (await db.ShowStandingAsync(key, now, cancellation)).Single(c => c.Purpose == purpose);
        await transaction.CommitAsync(cancellation);
        return stands;
    }

    // Nobody takes it off the register meanwhile.
    private async Task CheckPurposeAsync(string purpose, CancellationToken cancellation)
    {
        if (!CustomerNames.IsValid(purpose)
            || await db.Database.SqlQuery<int>($"SELECT 1 AS \"Value\" FROM purposes WHERE name = {purpose} FOR KEY SHARE")
                .ToListAsync(cancellation) is [])
        {
            throw ApiProblem.Invalid("/purpose", "The purpose is not registered; PUT /api/v1/purposes/NAME registers one.");
        }
    }
}
