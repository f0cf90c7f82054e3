using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Who is in a segment.</summary>
[ApiController]
[Route("api/v1/segments/{key}")]
[Tags("Membership")]
[Produces("application/json")]
public sealed class MembersController(
    SegmentationDb db,
    SegmentQuery query,
    SensitiveReads sensitive,
    MembershipReader memberships,
    CustomerMembershipReader customers,
    CustomerSnapshots snapshots,
    ManualMembership manual,
    SegmentStore store,
    Work work,
    AuditLog log) : ControllerBase
{
    /// <summary>Customers in one change of a manual segment, at most.</summary>
    public const int MaxChanges = 10_000;

    // More at once are bulk work.
    private const int MaxPoint = 100;

    /// <summary>Lists the members, paged; or streams them all as CSV or NDJSON, by Accept.</summary>
    /// <remarks>An active segment's members are read from stored membership, kept within a second of what is written; <c>evaluatedAt</c>
    /// tells up to when. Ids alone need the scope <c>membership:read</c>, whole customers <c>customers:read</c>.</remarks>
    /// <param name="live">Evaluate the rule now, in place of stored membership.</param>
    /// <param name="fields"><c>id</c>: ids alone.</param>
    /// <param name="format"><c>csv</c> or <c>ndjson</c>: all members, streamed, as a download; <c>json</c>: a page. Left out, Accept
    /// says it.</param>
    /// <param name="bom">Of a CSV: begin with a byte order mark, which Excel needs to read UTF-8; false when left out.</param>
    [HttpGet("members")]
    [RequiresScope(Scopes.MembershipRead, Or = Scopes.CustomersRead)]
    [Produces("application/json", MediaTypes.Ndjson, MediaTypes.Csv)]
    [ProducesResponseType<MemberPage<CustomerResource>>(StatusCodes.Status200OK)]
    public async Task<IActionResult> Members(
        string key, Instant? asOf, bool? live, string? fields, MembersFormat? format, bool? bom, int? limit, string? cursor,
        CancellationToken cancellation)
    {
        var form = format ?? Request.Negotiate(MediaTypes.Json, MediaTypes.Ndjson, MediaTypes.Csv) switch
        {
            MediaTypes.Csv => MembersFormat.Csv,
            MediaTypes.Ndjson => MembersFormat.Ndjson,
            _ => MembersFormat.Json,
        };
        var idsOnly = IsIdsOnly(fields);
        HttpContext.Caller.Require(idsOnly ? Scopes.MembershipRead : Scopes.CustomersRead);
        var size = Paging.Limit(limit);
        var after = Paging.NumberCursor(cursor) ?? 0;
        if (form != MembersFormat.Json)
        {
            await work.MoveAsync(WorkClass.Export, cancellation);
        }

        var (all, segment) = await query.FindAsync(key, cancellation);
        var predicate = await memberships.CreatePredicateAsync(all, segment, asOf?.Value, live, cancellation);
        var members = query.Members(predicate);
        var hidden = idsOnly || form != MembersFormat.Json
            ? all.Sensitive.For(HttpContext.Caller)
            : await sensitive.ReadAsync(all.Sensitive, $"segments/{segment.Key}", cancellation);
        if (form != MembersFormat.Json)
        {
            if (!HttpContext.IsHead())
            {
                await log.AppendAsync("members.export", $"segments/{segment.Key}",
                    after: idsOnly ? null : sensitive.Tell(all.Sensitive), cancellation: cancellation);
            }

            var download = new CustomerDownload(
                $"members-of-{key}", form == MembersFormat.Csv, bom == true, idsOnly, predicate.EvaluatedAt, Request.AsksForRawFormulas());
            await (predicate.IsStored || HttpContext.IsHead()
                ? CustomerExport.WriteAsync(Response, db, members, download, all.Attributes, all.Rfm.Latest, hidden, cancellation)
                : CustomerExport.WriteAsync(
                    Response, db, await query.ListKeysAsync(predicate, cancellation), download, all.Attributes, all.Rfm.Latest,
                    hidden, cancellation));
            return new EmptyResult();
        }

        var at = predicate.EvaluatedAt;
        var page = members.Where(c => c.Key > after).OrderBy(c => c.Key);
        return idsOnly
            ? Ok(await ReadIdsAsync(page, size, at, cancellation))
            : Ok(await ReadCustomersAsync(page, size, at, all.Rfm.Latest, hidden, cancellation));
    }

    /// <summary>How many members there are, of how many customers.</summary>
    /// <param name="live">Evaluate the rule now, in place of stored membership.</param>
    [HttpGet("count")]
    [RequiresScope(Scopes.MembershipRead)]
    [ProducesResponseType<SegmentCount>(StatusCodes.Status200OK)]
    public async Task<SegmentCount> Count(string key, Instant? asOf, bool? live, CancellationToken cancellation)
    {
        var (all, segment) = await query.FindAsync(key, cancellation);
        var count = await memberships.CountAsync(all, segment, asOf?.Value, live, cancellation);
        if (asOf is null && !all.IsStored(segment))
        {
            await store.RecordCountAsync(segment, count, cancellation);
        }

        return count;
    }

    /// <summary>Whether one customer is a member.</summary>
    /// <remarks>Never behind: where the customer was written an instant ago, it is evaluated.</remarks>
    /// <param name="live">Evaluate the rule now, in place of stored membership.</param>
    [HttpGet("members/{customerId}")]
    [RequiresScope(Scopes.MembershipRead, Self = "customerId")]
    [ProducesResponseType<Membership>(StatusCodes.Status200OK)]
    public async Task<Membership> IsMember(string key, string customerId, Instant? asOf, bool? live, CancellationToken cancellation)
    {
        var id = CustomerIds.CheckStored(customerId, "customerId");
        var (member, at) = await customers.IsMemberAsync(key, id, asOf?.Value, live == true, cancellation);
        return new Membership(member, at);
    }

    /// <summary>Why a customer is a member, or not: the rule tree, each node with what it found.</summary>
    /// <remarks>Each node carries <c>matched</c> (null where muted), each rule <c>actual</c>: the customer's value, the number of matching
    /// events or the aggregate, for a sequence the times of its steps, for <c>segment</c> the keys it is in. Texts are shown as they are
    /// compared, in small letters. Without the scope <c>customers:read</c> there is no <c>actual</c>. Without <c>privacy</c> a rule that
    /// reads a sensitive field has a <c>matched</c> of null and an <c>actual</c> of <c>***</c>, and so have the groups around it.</remarks>
    [HttpGet("explain/{customerId}")]
    [RequiresScope(Scopes.MembershipRead)]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Explanation>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<Explanation> Explain(string key, string customerId, Instant? asOf, CancellationToken cancellation)
    {
        var (id, showActual) = (CustomerIds.CheckStored(customerId, "customerId"), HttpContext.Caller.Has(Scopes.CustomersRead));
        var all = (await query.DefinitionsAsync(cancellation)).Sensitive;
        var hidden = showActual ? await sensitive.ReadOneAsync(all, id, cancellation) : all.For(HttpContext.Caller);
        return await snapshots.ExplainAsync(key, id, asOf?.Value, showActual, hidden, cancellation);
    }

    /// <summary>Puts a customer into a manual segment.</summary>
    [HttpPut("members/{customerId}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<Membership>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<Membership> AddMember(string key, string customerId, CancellationToken cancellation)
    {
        var change = await ChangeAsync(key, [CustomerIds.Check(customerId, "customerId")], [], cancellation);
        return change.Unknown.Count == 0
            ? await IsMember(key, customerId, asOf: null, live: true, cancellation)
            : throw ApiProblem.NotFound("customer");
    }

    /// <summary>Takes a customer out of a manual segment. Repeatable.</summary>
    [HttpDelete("members/{customerId}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> RemoveMember(string key, string customerId, CancellationToken cancellation)
    {
        await ChangeAsync(key, [], [CustomerIds.CheckStored(customerId, "customerId")], cancellation);
        return NoContent();
    }

    /// <summary>Puts customers into a manual segment and takes others out.</summary>
    /// <remarks>Answers how many were added and removed, and which ids there are no customers for.</remarks>
    [HttpPost("members")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<MemberChangesResult>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<MemberChangesResult> ChangeMembers(string key, MemberChanges body, CancellationToken cancellation)
    {
        body.Check(MaxChanges);
        string[] add = body.Add ?? [], remove = body.Remove ?? [];
        if (add.Length + remove.Length > MaxPoint)
        {
            await work.MoveAsync(WorkClass.Bulk, cancellation);
        }

        return await ChangeAsync(key, add, remove, cancellation);
    }

    private static bool IsIdsOnly(string? fields) => fields switch
    {
        null => false,
        "id" => true,
        _ => throw ApiProblem.Invalid("fields", "fields must be id, or left out for whole customers."),
    };

    private static async Task<MemberPage<MemberId>> ReadIdsAsync(
        IQueryable<Customer> members, int size, DateTimeOffset at, CancellationToken cancellation)
    {
        var ids = members.Select(c => new { c.Key, c.Id });
        return MemberPage.Create(await Paging.ReadAsync(ids, size, c => new MemberId(c.Id), c => [c.Key], cancellation), at);
    }

    private static async Task<MemberPage<CustomerResource>> ReadCustomersAsync(
        IQueryable<Customer> members, int size, DateTimeOffset at, RfmThresholds thresholds, SensitiveFields hidden,
        CancellationToken cancellation) =>
        MemberPage.Create(
            await Paging.ReadAsync(members, size, c => CustomerResource.From(c, at, thresholds, hidden), c => [c.Key], cancellation), at);

    private async Task<MemberChangesResult> ChangeAsync(string key, string[] add, string[] remove, CancellationToken cancellation)
    {
        var (added, removed, unknown) = await manual.ChangeAsync(key, add, remove, cancellation);
        return new MemberChangesResult(added, removed, unknown);
    }
}

/// <summary>How members are listed: a page, or all of them, a line each.</summary>
public enum MembersFormat { Json, Ndjson, Csv }

/// <summary>One page of a segment's members.</summary>
/// <param name="Items">The members: customers, or their ids alone with <c>fields=id</c>.</param>
/// <param name="NextCursor">Asks for the next page; null on the last.</param>
/// <param name="EvaluatedAt">Whatever was written before this instant is in it.</param>
public sealed record MemberPage<T>(
    IReadOnlyList<T> Items,
    [property: System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)]
    string? NextCursor,
    DateTimeOffset EvaluatedAt);

internal static class MemberPage
{
    public static MemberPage<T> Create<T>(Page<T> page, DateTimeOffset at) => new(page.Items, page.NextCursor, at);
}

/// <summary>A member's id.</summary>
/// <param name="Id">The customer's id.</param>
public sealed record MemberId(string Id);

/// <summary>Whether a customer is a member.</summary>
/// <param name="Member">True for a member.</param>
/// <param name="EvaluatedAt">The instant that this was true at.</param>
public sealed record Membership(bool Member, DateTimeOffset EvaluatedAt);

/// <summary>Customers to put into a manual segment, and to take out of it: at most 10,000 in all.</summary>
/// <param name="Add">Ids of customers to put in.</param>
/// <param name="Remove">Ids of customers to take out.</param>
public sealed record MemberChanges(string[]? Add = null, string[]? Remove = null)
{
    /// <exception cref="ApiProblem">400.</exception>
    internal void Check(int maxItems)
    {
        string[] add = Add ?? [], remove = Remove ?? [];
        if (add.Length + remove.Length > maxItems)
        {
            throw ApiProblem.Invalid("", $"{maxItems} customers at most in one change.");
        }

        CheckIds(add, "/add", CustomerIds.Check);
        CheckIds(remove, "/remove", CustomerIds.CheckStored);
        var both = Array.FindIndex(remove, new HashSet<string>(add, StringComparer.Ordinal).Contains);
        if (both >= 0)
        {
            throw ApiProblem.Invalid($"/remove/{both}", "It is in add as well.");
        }
    }

    private static void CheckIds(string[] ids, string pointer, Func<string?, string, string> check)
    {
        foreach (var (i, id) in ids.Index())
        {
            check(id, $"{pointer}/{i}");
        }
    }
}

/// <summary>What a change of a manual segment did.</summary>
/// <param name="Added">How many were put in, that were not in before.</param>
/// <param name="Removed">How many were taken out, that were in before.</param>
/// <param name="Unknown">Ids that no customer has.</param>
public sealed record MemberChangesResult(int Added, int Removed, IReadOnlyList<string> Unknown);
