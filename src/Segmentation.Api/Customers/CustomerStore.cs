using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// Writes one customer at a time: each method is a transaction, which appends to the change log what it wrote.
/// </summary>
/// <remarks>A <c>checkVersion</c> throws when the version that is there, or null where none is, is not the one that
/// the caller wants to change.</remarks>
public sealed class CustomerStore(
    SegmentationDb db, CustomerValidator validator, AuditLog log, CustomerMarks marks, TimeProvider time)
{
    private const int MaxAttempts = 3;

    private static readonly string AppendConsentsSql =
        ConsentLog.AppendSql("(SELECT $1::bigint AS key, $2::jsonb AS consents)", $"'{ConsentRecord.Profile}'");

    private readonly DateTimeOffset now = LocalTime.Truncate(time.GetUtcNow());

    /// <summary>Creates a customer, with an id of its own if it has none.</summary>
    /// <exception cref="ApiProblem">400: it is invalid; 409: its id is taken.</exception>
    public async Task<Customer> CreateAsync(CustomerResource body, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var customer = new Customer { Id = body.Id ?? Guid.CreateVersion7().ToString(), CreatedAt = now };
        return await TrySaveAsync(customer, body, transaction, cancellation)
            ? customer
            : throw ApiProblem.Conflict("The id is taken: there is a customer with it.");
    }

    /// <summary>Replaces a customer's whole profile, or creates the customer.</summary>
    /// <param name="kept">What stays as it is: who may not see it does not replace it.</param>
    /// <returns>The customer, and whether it was created.</returns>
    /// <exception cref="ApiProblem">400: it is invalid; 409: others create and delete it at the same time.</exception>
    public async Task<(Customer Customer, bool Created)> ReplaceAsync(
        string id, CustomerResource body, SensitiveFields kept, Action<int?> checkVersion, CancellationToken cancellation)
    {
        // By the second time, the one who took the id in between has committed: then it is an update.
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            await using var transaction = await db.BeginAsync(cancellation);
            var existing = await db.LockCustomerAsync(id, erase: false, cancellation);
            checkVersion(existing?.Version);
            var customer = existing ?? new Customer { Id = id, CreatedAt = now };
            if (await TrySaveAsync(customer, body, transaction, cancellation, kept))
            {
                return (customer, existing is null);
            }

            db.ChangeTracker.Clear();
        }

        throw ApiProblem.Conflict("Others create and delete this customer at the same time.");
    }

    /// <summary>Changes a customer's profile.</summary>
    /// <param name="change">From the profile as it is to the profile as it is to be.</param>
    /// <param name="kept">What stays as it is, whatever the change takes away.</param>
    /// <exception cref="ApiProblem">404: there is no such customer; 400: the outcome is invalid.</exception>
    public async Task<Customer> ChangeAsync(
        string id, Func<CustomerResource, CustomerResource> change, SensitiveFields kept, Action<int?> checkVersion,
        CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var customer = await db.LockCustomerAsync(id, erase: false, cancellation) ?? throw ApiProblem.NotFound("customer");
        checkVersion(customer.Version);
        var body = change(CustomerResource.From(customer, now, RfmThresholds.None, SensitiveFields.None));
        foreach (var (purpose, consent) in CustomerConsents.Read(customer))
        {
            // What the change takes away, somebody has withdrawn.
            if (body.Consents?.GetValueOrDefault(purpose) is null)
            {
                CustomerConsents.Withdraw(body.Consents ??= [], purpose, consent, now);
            }
        }

        await TrySaveAsync(customer, body, transaction, cancellation, kept);
        return customer;
    }

    // False when the id was taken meanwhile, which only a new customer's can be.
    private async Task<bool> TrySaveAsync(
        Customer customer, CustomerResource body, IDbContextTransaction transaction, CancellationToken cancellation,
        SensitiveFields? kept = null)
    {
        var definitions = await AttributeDefinitions.LockAsync(db, body.Attributes, cancellation);
        var faults = validator.Check(body, definitions).ToArray();
        if (faults is not [])
        {
            throw ApiProblem.Invalid(faults);
        }

        (kept ?? SensitiveFields.None).Keep(customer, () => body.ApplyTo(customer, definitions, now));
        if (customer.Consents?.GetPropertyCount() > Customer.SetMaxItems)
        {
            throw ApiProblem.Invalid("/consents", CustomerValidator.TooManyConsents);
        }

        if (CustomerSize.Fault(customer, now) is { } tooLarge)
        {
            throw ApiProblem.Invalid("", tooLarge);
        }

        var isNew = customer.Key == 0;
        if (isNew)
        {
            db.Add(customer);
        }
        else if (ProfileChanges.Changed(db.Entry(customer)) is { Length: > 0 } changed)
        {
            ChangeLog.AppendProfile(db, customer.Key, changed);
        }

        try
        {
            await db.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException taken) when (taken.InnerException is PostgresException { ConstraintName: Customer.IdIndex })
        {
            return false;
        }

        if (isNew)
        {
            // Its key is known only now.
            ChangeLog.AppendProfile(db, customer.Key, changed: null);
            await db.SaveChangesAsync(cancellation);
        }

        if (body.Consents is { Count: > 0 })
        {
            await AppendConsentsAsync(customer, body.Consents, cancellation);
        }

        await transaction.CommitAsync(cancellation);
        return true;
    }

    private async Task AppendConsentsAsync(
        Customer customer, Dictionary<string, ConsentResource?> consents, CancellationToken cancellation)
    {
        var records = await db.QueryAsync(
            AppendConsentsSql,
            r => (Id: r.GetInt64(0), Purpose: r.GetString(2), Granted: r.GetBoolean(3), At: r.GetFieldValue<DateTimeOffset>(4)),
            cancellation,
            SqlParameter.Create(customer.Key), SqlParameter.Create(JsonSerializer.Serialize(consents, Json.Options)));
        foreach (var record in records.OrderBy(r => r.Id))
        {
            await log.AppendAsync(
                db, "consents.record", await marks.NameAsync(customer.Id, cancellation),
                after: JsonSerializer.SerializeToNode(
                    new { record.Purpose, record.Granted, record.At, Source = ConsentRecord.Profile }, Json.Options),
                cancellation: cancellation);
        }
    }
}
