using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Customers: their profiles, one at a time or a file at a time.</summary>
[ApiController]
[Route("api/v1/customers")]
[Tags("Customers")]
[Produces("application/json")]
[TakesData]
public sealed class CustomersController(
    SegmentationDb db, CustomerStore store, CustomerErasure erasure, SegmentQuery query, MembershipReader memberships,
    SensitiveReads sensitive, AuditLog log, TimeProvider time) : ControllerBase
{
    internal const string ReceiptHeader = "Erasure-Receipt";

    private DateTimeOffset Now { get; } = LocalTime.Truncate(time.GetUtcNow());

    /// <summary>Creates a customer.</summary>
    /// <remarks>Without the scope <c>customers:read</c> the answer has no body.</remarks>
    [HttpPost]
    [Idempotent]
    [RequiresScope(Scopes.CustomersWrite)]
    [RequestSizeLimit(RecordReader.MaxBytes)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create([FromBody] CustomerResource body, CancellationToken cancellation)
    {
        SensitiveFields.Refuse((await sensitive.FindHiddenAsync(cancellation)).FindSent(body));
        return await ShowWrittenAsync(await store.CreateAsync(body, cancellation), created: true, cancellation);
    }

    /// <summary>Lists customers by id.</summary>
    /// <param name="id">Only the one with this id, letter for letter. Reaches ids that an address can't hold.</param>
    /// <param name="q">Only those whose id, email, first name or last name begins with this, whatever its case.</param>
    /// <param name="email">Only those with this address, without regard to case.</param>
    /// <param name="segment">Only the members of the segment with this key, as of now.</param>
    /// <param name="limit">How many a page holds, 1 to 1,000; 100 when left out.</param>
    /// <param name="cursor">The page before's <c>nextCursor</c>.</param>
    [HttpGet]
    [RequiresScope(Scopes.CustomersRead)]
    public async Task<Page<CustomerResource>> List(
        string? id, string? q, string? email, string? segment, int? limit, string? cursor, CancellationToken cancellation)
    {
        IQueryable<Customer> customers = db.Customers;
        if (segment is not null)
        {
            var (all, definition) = await query.FindAsync(segment, cancellation);
            customers = query.Members(await memberships.CreatePredicateAsync(all, definition, asOf: null, live: false, cancellation));
        }

        if (Request.Query.ContainsKey("id"))
        {
            var exact = CustomerIds.CheckStored(Request.Query["id"]);
            customers = customers.Where(c => c.Id == exact);
        }

        var hidden = await sensitive.FindHiddenAsync(cancellation);
        if (q is not null)
        {
            SensitiveFields.Refuse(SensitiveFields.Named.Any(hidden.Includes) ? [nameof(q)] : []);
            customers = customers.FindByPrefix(Paging.Text(q, nameof(q)));
        }

        if (email is not null)
        {
            SensitiveFields.Refuse(hidden.Includes(SensitiveFields.Named[0]) ? [nameof(email)] : []);
            var folded = CaseNormalizer.Normalize(Paging.Text(email, "email").Trim());
            customers = customers.Where(c => c.EmailFolded == folded);
        }

        return await PageAsync(customers, limit, cursor, cancellation);
    }

    /// <summary>Reads a customer.</summary>
    [HttpGet("{id}")]
    [RequiresScope(Scopes.CustomersRead)]
    public async Task<CustomerResource> Get(string id, CancellationToken cancellation) =>
        await ShowAsync(await db.FindCustomerAsync(id, cancellation), isRead: true, cancellation);

    /// <summary>Creates or replaces a customer: the whole profile. What its events made stays, and so do consents that are left out.
    /// </summary>
    /// <remarks>Without the scope <c>customers:read</c> the answer has no body.</remarks>
    [HttpPut("{id}")]
    [RequiresScope(Scopes.CustomersWrite)]
    [RequestSizeLimit(RecordReader.MaxBytes)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status201Created)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Put(string id, [FromBody] CustomerResource body, CancellationToken cancellation)
    {
        CheckId(id, body);
        body.Id = id;
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        SensitiveFields.Refuse(hidden.FindSent(body));
        var (customer, created) = await store.ReplaceAsync(id, body, hidden, Request.CheckIfMatch, cancellation);
        return await ShowWrittenAsync(customer, created, cancellation);
    }

    /// <summary>Changes a customer: JSON Merge Patch (RFC 7396).</summary>
    /// <remarks>Without the scope <c>customers:read</c> the answer has no body.</remarks>
    [HttpPatch("{id}")]
    [RequiresScope(Scopes.CustomersWrite)]
    [RequestSizeLimit(RecordReader.MaxBytes)]
    [ProducesResponseType<CustomerResource>(StatusCodes.Status200OK)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Patch(string id, [FromBody] JsonElement patch, CancellationToken cancellation)
    {
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        SensitiveFields.Refuse(hidden.FindSent(patch));
        var customer = await store.ChangeAsync(
            id, profile => CustomerConsents.SayNow(CheckId(id, MergePatch.Apply(profile, patch)), patch), hidden, Request.CheckIfMatch,
            cancellation);
        return await ShowWrittenAsync(customer, created: false, cancellation);
    }

    /// <summary>Erases a customer with its events and memberships. Repeatable.</summary>
    /// <remarks>It is gone with this answer; a mass of events goes behind it, a million within a minute. The header
    /// <c>Erasure-Receipt</c> names the receipt that says so (<c>GET /erasures/{receipt}</c>): repeated when nothing is left, the same one;
    /// missing where nothing ever had the id. Events from before, and imports, don't bring the customer back; whoever signs up anew by PUT
    /// or POST is a new person.</remarks>
    [HttpDelete("{id}")]
    [RequiresScope(Scopes.CustomersWrite, Or = Scopes.Privacy)]
    [Work(WorkClass.Bulk)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public Task<IActionResult> Delete(string id, CancellationToken cancellation) => EraseCustomerAsync(id, cancellation);

    /// <summary>Erases the customer with exactly this id, as <c>DELETE /customers/{id}</c> does. Repeatable.</summary>
    /// <remarks>Reaches ids that an address can't hold, <c>..</c> or a blank, which were taken once.</remarks>
    /// <param name="id">The customer's id, letter for letter.</param>
    [HttpDelete]
    [RequiresScope(Scopes.CustomersWrite, Or = Scopes.Privacy)]
    [Work(WorkClass.Bulk)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public Task<IActionResult> Erase([FromQuery] string? id, CancellationToken cancellation) =>
        EraseCustomerAsync(CustomerIds.CheckStored(Request.Query["id"]), cancellation); // A blank was an id once: the binder drops it.

    /// <summary>Imports customers, a line each: CSV or NDJSON. A bad line is rejected alone.</summary>
    /// <remarks>
    /// A line creates a customer, or changes the one with its <c>id</c>. In <c>mode=merge</c> it changes what it names: a column or
    /// property that is absent is kept, an empty cell or a null removes. In <c>mode=replace</c> it is the whole customer.
    ///
    /// A CSV begins with the columns' names, those of properties (<c>id,demographic.birthDate,attributes.plan</c>) or of fields in rules
    /// (<c>customer.email</c>, <c>temporal.signedUpAt</c>, <c>consent.marketing</c>), 2,000 at most; read-only ones are not taken and are
    /// listed in <c>ignored</c>. A set's values are joined by <c>|</c>. The separator (comma, semicolon, tab or <c>|</c>) is found from the
    /// first line. The file is UTF-8 or UTF-16, or with <c>charset=windows-1252</c> (<c>iso-8859-1</c> is taken as that) in
    /// <c>Content-Type</c> Windows-1252.
    ///
    /// A place is one value: latitude and longitude come together. A consent without <c>at</c> was given or withdrawn now, unless the same
    /// stands already.
    ///
    /// With <c>Prefer: respond-async</c> the file is taken, and imported after the answer, a 202 whose <c>Location</c> tells how far it is.
    /// </remarks>
    /// <param name="mode"><c>merge</c> when left out, or <c>replace</c>.</param>
    /// <param name="dryRun">Check and count all, and write nothing; false when left out.</param>
    /// <param name="recreate">Make customers anew that were erased; false when left out: their lines are rejected.</param>
    /// <param name="prefer"><c>respond-async</c>: answer when the file is there, at most 2 GB of it, and import it then.</param>
    [HttpPost("import")]
    [LinesAreUpserts]
    [RequiresScope(Scopes.CustomersWrite)]
    [ReadsBody]
    [Work(WorkClass.Bulk, Rate = RateName.Transfer)]
    [DisableRequestSizeLimit]
    [ProducesResponseType<ImportResult>(StatusCodes.Status200OK)]
    [ProducesResponseType<ImportJobResource>(StatusCodes.Status202Accepted)]
    public async Task<IActionResult> Import(
        [FromServices] CustomerImport import, [FromServices] BackgroundImports background, ImportMode? mode, bool? dryRun, bool? recreate,
        [FromHeader(Name = "Prefer")] string? prefer, CancellationToken cancellation)
    {
        var body = await ImportBody.OpenAsync(Request, cancellation);
        var options = new ImportOptions(
            body.Csv, mode ?? ImportMode.Merge, dryRun == true, !HttpContext.Caller.Has(Scopes.Privacy), recreate == true);
        if (prefer?.Split(',', ';').Any(p => p.Trim().Equals("respond-async", StringComparison.OrdinalIgnoreCase)) != true)
        {
            return Ok(await import.RunAsync(body.Content, options, cancellation));
        }

        var job = await background.AddAsync(body.Content, options, cancellation);
        Response.Headers["Preference-Applied"] = "respond-async";
        return Accepted($"/api/v1/imports/{job.Id}", job);
    }

    /// <summary>
    /// Downloads all customers, a line each: text/csv or (unless Accept asks for it) application/x-ndjson. An import takes it back.
    /// </summary>
    /// <remarks>In CSV a cell of text that a spreadsheet would take for a formula (it begins with <c>=</c>, <c>+</c>, <c>-</c>, <c>@</c>,
    /// a tab or a carriage return, and is no number) is led by an apostrophe, which an import takes off again. With
    /// <c>Accept: text/csv; formulas=raw</c> it stays as it is.
    ///
    /// A customer who is there from the beginning to the end comes exactly once, as it is when its turn comes. Whatever was written before
    /// the instant in <c>X-Snapshot-At</c> is in it.</remarks>
    /// <param name="format"><c>csv</c> or <c>ndjson</c>; left out, Accept says it.</param>
    /// <param name="bom">Of a CSV: begin with a byte order mark, which Excel needs to read UTF-8; false when left out.</param>
    [HttpGet("export")]
    [RequiresScope(Scopes.CustomersRead)]
    [Work(WorkClass.Export)]
    [Produces(MediaTypes.Ndjson, MediaTypes.Csv)]
    public async Task Export(ExportFormat? format, bool? bom, CancellationToken cancellation)
    {
        var csv = format is { } wanted ? wanted == ExportFormat.Csv
            : Request.Negotiate(MediaTypes.Ndjson, MediaTypes.Csv) == MediaTypes.Csv;
        var all = await query.DefinitionsAsync(cancellation);
        if (!HttpContext.IsHead())
        {
            await log.AppendAsync("customers.export", "customers", after: sensitive.Tell(all.Sensitive), cancellation: cancellation);
        }

        await CustomerExport.WriteAsync(
            Response, db, db.Customers,
            new CustomerDownload("customers", csv, bom == true, IdOnly: false, Now, Request.AsksForRawFormulas()), all.Attributes,
            all.Rfm.Latest, all.Sensitive.For(HttpContext.Caller), cancellation);
    }

    private async Task<IActionResult> EraseCustomerAsync(string id, CancellationToken cancellation)
    {
        if (await erasure.EraseAsync(id, IsAsked, cancellation) is { } receipt)
        {
            Response.Headers[ReceiptHeader] = receipt;
        }

        return NoContent();

        bool IsAsked(Customer? customer)
        {
            Request.CheckIfMatch(customer?.Version);
            return true;
        }
    }

    private async Task<Page<CustomerResource>> PageAsync(
        IQueryable<Customer> customers, int? limit, string? cursor, CancellationToken cancellation)
    {
        var rows = Paging.Limit(limit);
        if (Paging.TextCursor(cursor) is { } after)
        {
            customers = customers.Where(c => string.Compare(c.Id, after) > 0);
        }

        var all = await query.DefinitionsAsync(cancellation);
        var (now, thresholds) = (Now, all.Rfm.Latest);
        var hidden = await sensitive.ReadAsync(all.Sensitive, "customers", cancellation);
        return await Paging.ReadAsync(
            customers.AsNoTracking().OrderBy(c => c.Id), rows, c => CustomerResource.From(c, now, thresholds, hidden), c => [c.Id],
            cancellation);
    }

    // Who may not read customers does not by writing to them.
    private async Task<IActionResult> ShowWrittenAsync(Customer customer, bool created, CancellationToken cancellation)
    {
        var shown = await ShowAsync(customer, isRead: HttpMethods.IsPatch(Request.Method), cancellation);
        var body = HttpContext.Caller.Has(Scopes.CustomersRead) ? shown : null;
        return created ? Created($"/api/v1/customers/{Uri.EscapeDataString(customer.Id)}", body)
            : body is null ? NoContent()
            : Ok(body);
    }

    // isRead: whether it has what the caller did not send.
    private async Task<CustomerResource> ShowAsync(Customer customer, bool isRead, CancellationToken cancellation)
    {
        Response.SetETag(customer.Version);
        var all = await query.DefinitionsAsync(cancellation);
        var hidden = isRead && HttpContext.Caller.Has(Scopes.CustomersRead)
            ? await sensitive.ReadOneAsync(all.Sensitive, customer.Id, cancellation)
            : all.Sensitive.For(HttpContext.Caller);
        return CustomerResource.From(customer, Now, all.Rfm.Latest, hidden);
    }

    private static CustomerResource CheckId(string id, CustomerResource body) =>
        body.Id is null || body.Id == id ? body : throw ApiProblem.Invalid("/id", "id can't be changed: it is the one in the path.");
}
