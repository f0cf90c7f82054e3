using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Checking;
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
        var (customer, isRegistered, expiresAfterDays) = await LockAsync(id, purpose, cancellation);
        var standing = CustomerConsents.Read(customer);
        var before = standing.GetValueOrDefault(purpose);

        // Profiles and imports take others as well: what was given that way can be withdrawn.
        if (!isRegistered && (body.Granted == true || before is null))
        {
            throw ApiProblem.Invalid([Unregistered]);
        }

        var record = new ConsentRecord
        {
            CustomerKey = customer.Key,
            Purpose = purpose,
            Granted = body.Granted!.Value,
            At = body.At is { } at ? LocalTime.Truncate(at) : CustomerConsents.Now(before, now),
            ReceivedAt = now,
            Source = body.Source!,
            PolicyVersion = body.PolicyVersion,
            Evidence = body.Evidence,
        };
        CustomerConsents.KeepNewest(standing, new() { [purpose] = new() { Granted = record.Granted, At = record.At } });
        if (standing.Count > Customer.SetMaxItems)
        {
            throw ApiProblem.Invalid("/purpose", CustomerValidator.TooManyConsents);
        }

        await WriteAsync(customer, standing, record, cancellation);
        await log.AppendAsync(
            db, "consents.record", await marks.NameAsync(id, cancellation),
            after: JsonSerializer.SerializeToNode(
                new { record.Purpose, record.Granted, record.At, record.Source, record.PolicyVersion }, Json.Options),
            cancellation: cancellation);
        var stands = record.At < before?.At
            ? (await db.ShowStandingAsync(customer.Key, now, cancellation)).Single(c => c.Purpose == purpose)
            : ConsentRecordResource.From(record, expiresAfterDays, now);
        await transaction.CommitAsync(cancellation);
        return stands;
    }

    private static RuleError Unregistered =>
        new("/purpose", "The purpose is not registered; PUT /api/v1/purposes/NAME registers one.");

    private NpgsqlConnection Connection => (NpgsqlConnection)db.Database.GetDbConnection();

    // Nobody takes the purpose off the register meanwhile; of the customer, as it stands under the lock, only what consents need is read.
    private async Task<(Customer Customer, bool IsRegistered, int? ExpiresAfterDays)> LockAsync(
        string id, string purpose, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(Connection)
        {
            BatchCommands =
            {
                Plans.MakeOnce(),
                new NpgsqlBatchCommand("SELECT expires_after_days FROM purposes WHERE name = $1 FOR KEY SHARE")
                {
                    Parameters = { SqlParameter.Create(CustomerNames.IsValid(purpose) ? purpose : "") },
                },
                new NpgsqlBatchCommand("SELECT key, consents::text, consents_granted FROM customers WHERE id = $1 FOR NO KEY UPDATE")
                {
                    Parameters = { SqlParameter.Create(CustomerIds.CanExist(id) ? id : "") },
                },
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        var isRegistered = await reader.ReadAsync(cancellation);
        int? expiresAfterDays = !isRegistered || reader.IsDBNull(0) ? null : reader.GetInt32(0);
        await reader.NextResultAsync(cancellation);
        return await reader.ReadAsync(cancellation)
            ? (new Customer
            {
                Id = id,
                Key = reader.GetInt64(0),
                Consents = reader.IsDBNull(1) ? null : JsonElement.Parse(reader.GetString(1)),
                ConsentsGranted = reader.GetFieldValue<string[]>(2),
            }, isRegistered, expiresAfterDays)
            : isRegistered ? throw ApiProblem.NotFound("customer")
            : throw ApiProblem.Invalid([Unregistered]);
    }

    // Late news, and what stands already, is recorded, but changes no customer.
    private async Task WriteAsync(
        Customer customer, Dictionary<string, ConsentResource?> standing, ConsentRecord record, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(Connection) { BatchCommands = { ConsentLog.Append(record) } };
        var (before, granted) = (customer.Consents, customer.ConsentsGranted);
        CustomerConsents.Set(customer, standing);
        if (before is not { } present || !JsonElement.DeepEquals(present, customer.Consents!.Value))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                "UPDATE customers SET consents = $2, consents_granted = $3, updated_at = $4, version = version + 1 WHERE key = $1")
            {
                Parameters =
                {
                    SqlParameter.Create(customer.Key), SqlParameter.Create(customer.Consents!.Value.GetRawText(), NpgsqlDbType.Jsonb),
                    SqlParameter.Create(customer.ConsentsGranted), SqlParameter.Create(now),
                },
            });
            string[] changed = granted.SequenceEqual(customer.ConsentsGranted)
                ? [nameof(Customer.Consents)]
                : [nameof(Customer.Consents), nameof(Customer.ConsentsGranted)];
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                ChangeLog.AppendMembersSql(MembershipCause.Consent, changed, "(SELECT $1::bigint AS key) AS written"))
            {
                Parameters = { SqlParameter.Create(customer.Key) },
            });
        }

        await batch.ExecuteNonQueryAsync(cancellation);
    }
}
