using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Api.Webhooks;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Customers: their profiles, one at a time or a file at a time.</summary>
[ApiController]
[Route("api/v1/customers")]
[Tags("Customers")]
[Produces("application/json")]
public sealed class CustomersController(SegmentationDb db, CustomerValidator validator, SegmentQuery query, MembershipReader memberships, TimeProvider time) : ControllerBase
{
    private DateTimeOffset Now { get; } = LocalTime.Truncate(time.GetUtcNow());

    /// <summary>Creates a customer.</summary>
    [HttpPost]
    [RequestSizeLimit(RecordReader.MaxBytes)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Post([FromBody] CustomerResource body, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        return await SaveAsync(new Customer { Id = body.Id ?? Guid.CreateVersion7().ToString(), CreatedAt = Now }, body, cancellation)
            ?? throw ApiProblem.Conflict("The id is taken: there is a customer with it.");
    }

    /// <summary>Lists customers by id.</summary>
    /// <param name="email">Only those with this address, without regard to case.</param>
    /// <param name="segment">Only the members of the segment with this key, as of now.</param>
    /// <param name="limit">How many a page holds, 1 to 1,000; 100 when left out.</param>
    /// <param name="cursor">The page before's <c>nextCursor</c>.</param>
    [HttpGet]
    public async Task<Page<CustomerResource>> List(string? email, string? segment, int? limit, string? cursor, CancellationToken cancellation)
    {
        IQueryable<Customer> customers = db.Customers;
        if (segment is not null)
        {
            var (all, definition) = await query.FindAsync(segment, cancellation);
            customers = query.Members(await memberships.CreatePredicateAsync(all, definition, asOf: null, live: false, cancellation));
        }

        if (email is not null)
        {
            var folded = CaseNormalizer.Normalize(Paging.Text(email, "email").Trim());
            customers = customers.Where(c => c.EmailFolded == folded);
        }

        return await PageAsync(customers, limit, cursor, cancellation);
    }

    /// <summary>Reads a customer.</summary>
    [HttpGet("{id}")]
    public async Task<CustomerResource> Get(string id, CancellationToken cancellation)
    {
        var customer = CustomerIds.IsValid(id) ? await db.Customers.AsNoTracking().FirstOrDefaultAsync(c => c.Id == id, cancellation) : null;
        return Show(customer ?? throw ApiProblem.NotFound("customer"));
    }

    /// <summary>Creates or replaces a customer: the whole profile. What its events made stays.</summary>
    [HttpPut("{id}")]
    [RequestSizeLimit(RecordReader.MaxBytes)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Put(string id, [FromBody] CustomerResource body, CancellationToken cancellation)
    {
        CheckId(id, body);
        body.Id = id;

        // By the second time, the one who took the id in between has committed: then it is an update.
        for (var attempt = 1; ; attempt++)
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
            var customer = await LockAsync(id, cancellation);
            Request.CheckIfMatch(customer?.Version);
            if (await SaveAsync(customer ?? new Customer { Id = id, CreatedAt = Now }, body, cancellation) is { } saved)
            {
                return saved;
            }

            if (attempt == 3)
            {
                throw ApiProblem.Conflict("Others create and delete this customer at the same time.");
            }

            db.ChangeTracker.Clear();
        }
    }

    /// <summary>Changes a customer: JSON Merge Patch (RFC 7396).</summary>
    [HttpPatch("{id}")]
    [RequestSizeLimit(RecordReader.MaxBytes)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status200OK)]
    public async Task<IActionResult> Patch(string id, [FromBody] JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var customer = await LockAsync(id, cancellation) ?? throw ApiProblem.NotFound("customer");
        Request.CheckIfMatch(customer.Version);
        var body = MergePatch.Apply(CustomerResource.From(customer, Now), patch);
        CheckId(id, body);
        return (await SaveAsync(customer, body, cancellation))!;
    }

    /// <summary>Erases a customer with its events and memberships. Repeatable.</summary>
    [HttpDelete("{id}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Delete(string id, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var customer = await LockAsync(id, cancellation, erase: true);
        Request.CheckIfMatch(customer?.Version);
        if (customer is not null)
        {
            await WebhookOutbox.WriteErasedAsync((NpgsqlConnection)db.Database.GetDbConnection(), (NpgsqlTransaction)transaction.GetDbTransaction(), customer.Key, Now, cancellation);

            // Events have no foreign key; whoever stores one locks its customer first, and so comes before this or finds nobody.
            await db.Events.Where(e => e.CustomerKey == customer.Key).ExecuteDeleteAsync(cancellation);
            db.Remove(customer);
            ChangeLog.AppendErased(db, customer.Key);
            await db.SaveChangesAsync(cancellation);
            await transaction.CommitAsync(cancellation);
        }

        return NoContent();
    }

    /// <summary>Creates or replaces customers, a line each: text/csv or application/x-ndjson. A bad line is rejected alone.</summary>
    [HttpPost("import")]
    [DisableRequestSizeLimit]
    public Task<ImportResult> Import([FromServices] CustomerImport import, CancellationToken cancellation) => import.RunAsync(Request.Body, Request.MediaType() switch
    {
        CustomerExport.Csv => true,
        CustomerExport.Ndjson => false,
        _ => throw new ApiProblem(StatusCodes.Status415UnsupportedMediaType, $"An import takes {CustomerExport.Csv} or {CustomerExport.Ndjson}."),
    }, cancellation);

    /// <summary>All customers, a line each: text/csv or (unless Accept asks for it) application/x-ndjson. An import takes it back.</summary>
    [HttpGet("export")]
    public async Task Export(CancellationToken cancellation) => await CustomerExport.WriteAsync(
        Response, db, db.Customers, CustomerExport.Accepts(Request) ?? ExportFormat.Ndjson, await db.Attributes.AsNoTracking().ToListAsync(cancellation), idOnly: false, cancellation);

    private async Task<Page<CustomerResource>> PageAsync(IQueryable<Customer> customers, int? limit, string? cursor, CancellationToken cancellation)
    {
        var rows = Paging.Limit(limit);
        if (Paging.TextCursor(cursor) is { } after)
        {
            customers = customers.Where(c => string.Compare(c.Id, after) > 0);
        }

        var now = Now;
        var page = await customers.AsNoTracking().OrderBy(c => c.Id).Take(rows + 1).ToListAsync(cancellation);
        return Paging.Create(page, rows, c => CustomerResource.From(c, now), c => [c.Id]);
    }

    // The lock makes the version that If-Match is compared with the one that is replaced, and keeps events from adding to an old state.
    // First the lock, then the customer: from a statement of ours EF Core reads no complex property whose columns have names of their own.
    private async Task<Customer?> LockAsync(string id, CancellationToken cancellation, bool erase = false)
    {
        if (!CustomerIds.IsValid(id))
        {
            return null;
        }

        // Two steps: one that comes into being between them has not been locked, and is none of ours yet.
        var locked = await (erase
            ? db.Database.SqlQuery<long>($"SELECT key AS \"Value\" FROM customers WHERE id = {id} FOR UPDATE")
            : db.Database.SqlQuery<long>($"SELECT key AS \"Value\" FROM customers WHERE id = {id} FOR NO KEY UPDATE")).ToListAsync(cancellation);
        return locked is [var key] ? await db.Customers.FirstOrDefaultAsync(c => c.Key == key, cancellation) : null;
    }

    // Null when the id was taken meanwhile.
    private async Task<IActionResult?> SaveAsync(Customer customer, CustomerResource body, CancellationToken cancellation)
    {
        var definitions = await AttributeDefinitions.LockAsync(db, body.Attributes, cancellation);
        var faults = validator.Check(body, definitions).ToArray();
        if (faults is not [])
        {
            throw ApiProblem.Invalid(faults);
        }

        body.ApplyTo(customer, definitions, Now);
        var isNew = customer.Version == 1 && customer.Key == 0;
        if (isNew)
        {
            db.Add(customer);
        }

        var changed = isNew ? [] : ProfileChanges.Changed(db.Entry(customer));
        try
        {
            await db.SaveChangesAsync(cancellation);
        }
        catch (DbUpdateException taken) when (taken.InnerException is PostgresException { ConstraintName: Customer.IdIndex })
        {
            return null;
        }

        if (isNew || changed.Length > 0)
        {
            ChangeLog.AppendProfile(db, customer.Key, isNew ? null : changed);
            await db.SaveChangesAsync(cancellation);
        }

        await db.Database.CommitTransactionAsync(cancellation);
        var shown = Show(customer);
        return isNew ? Created($"/api/v1/customers/{Uri.EscapeDataString(customer.Id)}", shown) : Ok(shown);
    }

    private CustomerResource Show(Customer customer)
    {
        Response.SetETag(customer.Version);
        return CustomerResource.From(customer, Now);
    }

    private static void CheckId(string id, CustomerResource body)
    {
        if (body.Id is not null && body.Id != id)
        {
            throw ApiProblem.Invalid("/id", "id can't be changed: it is the one in the path.");
        }
    }
}
