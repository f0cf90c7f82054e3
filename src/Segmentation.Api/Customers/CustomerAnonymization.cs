using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// Takes out of a customer what tells who it is. The row stays, and with its key what was added up, its memberships and its place in lists
/// made by hand; whatever names it by the id that it had is erased.
/// </summary>
/// <remarks>No instant of it is stored with the customer, not even in <see cref="Customer.UpdatedAt"/>: the audit log has one beside the
/// mark of the id that it had.</remarks>
public sealed class CustomerAnonymization(
    SegmentationDb db, CustomerErasure erasure, AuditLog log, CustomerMarks marks, AnonymizationOptions options, SensitiveOptions sensitive,
    TimeZones zones, TimeProvider time)
{
    // In a list made by hand of so many or fewer it could be told who it is.
    private const int FewMembers = 5;

    // Segments that an error names.
    private const int MostNamed = 10;

    /// <summary>Anonymizes a customer.</summary>
    /// <returns>The receipt, and the id that it has now. Neither is stored with the other, nor with the id that it had.</returns>
    /// <exception cref="ApiProblem">404: there is no such customer. 409: a list made by hand with it is too short.</exception>
    public async Task<(string Receipt, string Id)> AnonymizeAsync(string id, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var customer = await db.LockCustomerAsync(id, erase: true, cancellation) ?? throw ApiProblem.NotFound("customer");
        await CheckListsAsync(customer.Key, cancellation);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var mark = await marks.ComputeAsync(id, cancellation);
        await log.AppendAsync(db, "customers.anonymize", $"customers/{CustomerMarks.Write(mark)}", cancellation: cancellation);
        var erasing = new Erasing(id, customer, ErasureKind.Anonymize, isOfMany: false);
        await erasure.ForgetAsync(erasing, cancellation);

        customer.Id = CustomerErasure.CreateName("anon_");
        Clear(customer, await db.Attributes.AsNoTracking().ToDictionaryAsync(a => a.Name, cancellation));
        customer.Version++;
        await ChangeLog.ForgetEventIdsAsync(db, customer.Key, cancellation);
        ChangeLog.AppendErased(db, customer.Key, id, stays: true);
        await db.SaveChangesAsync(cancellation);
        var events = (await db.QueryAsync(
            $"WITH {AnonymousEvents.DoneSql} SELECT count(*) FROM done", r => r.GetInt64(0), cancellation,
            AnonymousEvents.Parameters(customer.Key, customer.Id, "", CustomerErasure.FirstEvents, options.KeepProperties))).Single();
        erasing.Count(AnonymousEvents.Counted, events);
        var receipt = await erasure.WriteReceiptAsync(
            erasing, mark, now, now, hasEvents: events == CustomerErasure.FirstEvents, cancellation);
        await transaction.CommitAsync(cancellation);
        return (receipt, customer.Id);
    }

    private async Task CheckListsAsync(long key, CancellationToken cancellation)
    {
        var few = await db.Database.SqlQuery<string>(
            $"""
            SELECT s.key AS "Value" FROM manual_members o JOIN segments s ON s.id = o.segment_id
            WHERE o.customer_key = {key}
                AND (SELECT count(*) FROM (
                    SELECT FROM manual_members m JOIN customers c ON c.key = m.customer_key
                    WHERE m.segment_id = s.id AND (c.restricted_at IS NULL OR c.key = {key}) LIMIT {FewMembers + 1}) m) <= {FewMembers}
            ORDER BY s.key LIMIT {MostNamed}
            """).ToListAsync(cancellation);
        if (few.Count > 0)
        {
            throw ApiProblem.Conflict(
                $"Manual segments with it have {FewMembers} members or fewer, so that it could be told who it is: take it out of "
                + $"{string.Join(", ", few)} first, or put more in.");
        }
    }

    private void Clear(Customer c, Dictionary<string, CustomerAttribute> attributes)
    {
        (c.Email, c.FirstName, c.LastName) = (null, null, null);
        c.Geographic.PostalCode = null;
        c.Geographic.TimeZone = WithoutPlace(c.Geographic.TimeZone);
        c.Geographic.Latitude = Round(c.Geographic.Latitude);
        c.Geographic.Longitude = Round(c.Geographic.Longitude);
        c.Demographic.BirthDate = c.Demographic.BirthDate is { } born ? new DateOnly(born.Year, 1, 1) : null;
        var hidden = ProfileProperties.FindBits(sensitive.Fields.Select(SensitiveFields.PathOf));
        ProfileProperties.Merge(c, new Customer { Id = c.Id }, hidden & ProfileProperties.Texts);
        (c.Attributes, c.AttributesFolded) = (Keep(c.Attributes, attributes), Keep(c.AttributesFolded, attributes));
        (c.Consents, c.ConsentsGranted) = (null, []);
        (c.RestrictedAt, c.RestrictionReason) = (null, null);
    }

    // A tenth of a degree is 11 km.
    private static double? Round(double? degrees) => degrees is { } d ? Math.Round(d, 1, MidpointRounding.AwayFromZero) : null;

    // The zone that is so many whole hours from UTC as the place is in winter. Those that are part of an hour away have no such.
    private string? WithoutPlace(string? name)
    {
        if (name is null || !LocalTime.TryFind(name, out var zone) || zone.BaseUtcOffset is not { Minutes: 0, Hours: var hours })
        {
            return null;
        }

        // Its names count towards the west.
        return zones.Canonical(hours == 0 ? TimeZones.Default : $"Etc/GMT{(hours > 0 ? '-' : '+')}{Math.Abs(hours)}");
    }

    private static JsonElement? Keep(JsonElement? values, Dictionary<string, CustomerAttribute> attributes)
    {
        if (values is not { } all)
        {
            return null;
        }

        var kept = all.EnumerateObject()
            .Where(a => attributes.TryGetValue(a.Name, out var attribute) && !attribute.TellsWho)
            .Select(a => KeyValuePair.Create(a.Name, JsonNode.Parse(a.Value.GetRawText())))
            .ToArray();
        return kept is [] ? null : JsonSerializer.SerializeToElement(new JsonObject(kept), Json.Options);
    }
}

/// <summary>What stays of the events of an anonymous customer.</summary>
/// <param name="KeepProperties">Names of properties of events whose values stay.</param>
public sealed record AnonymizationOptions(IReadOnlyList<string> KeepProperties)
{
    /// <summary>The setting that names them.</summary>
    internal const string Setting = "Privacy:KeepProperties";

    internal static AnonymizationOptions Read(IConfiguration configuration) => new(TextList.Read(configuration, Setting) ?? []);
}
