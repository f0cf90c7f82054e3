using System.Text.RegularExpressions;
using FluentValidation;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Rules;

namespace Segmentation.Api.Endpoints;

/// <summary>The user's own fields of customers.</summary>
[ApiController]
[Route("api/v1/attributes")]
[Tags("Fields and attributes")]
[Produces("application/json")]
public sealed class AttributesController(SegmentationDb db, SegmentQuery query, IValidator<AttributeResource> validator, TimeProvider time) : ControllerBase
{
    /// <summary>Lists all registered attributes, by name.</summary>
    [HttpGet]
    public async Task<Page<AttributeResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after) = (Paging.Limit(limit), Paging.TextCursor(cursor) ?? "");
        var rows = await db.Attributes.AsNoTracking().Where(a => string.Compare(a.Name, after) > 0).OrderBy(a => a.Name).Take(size + 1).ToListAsync(cancellation);
        return Paging.Create(rows, size, AttributeResource.From, a => [a.Name]);
    }

    /// <summary>One registered attribute.</summary>
    [HttpGet("{name}")]
    [ProducesResponseType<AttributeResource>(StatusCodes.Status200OK)]
    public async Task<AttributeResource> Get(string name, CancellationToken cancellation) =>
        AttributeResource.From(await db.Attributes.AsNoTracking().SingleOrDefaultAsync(a => a.Name == name, cancellation) ?? throw ApiProblem.NotFound("attribute"));

    /// <summary>Registers an attribute, or changes one. It then appears among the fields.</summary>
    /// <remarks>The type can't change while customers have values: a 409.</remarks>
    [HttpPut("{name}")]
    [ProducesResponseType<AttributeResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<AttributeResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Put(string name, AttributeResource body, CancellationToken cancellation)
    {
        body = body with { Name = body.Name ?? name };
        var result = validator.Validate(body);
        if (!result.IsValid || body.Name != name)
        {
            throw ApiProblem.Invalid(result.Errors.Select(e => new RuleError(e.PropertyName, e.ErrorMessage))
                .Concat(body.Name == name ? [] : [new RuleError("/name", "The name is that of the address; an attribute can't be renamed.")]));
        }

        await using var transaction = await BeginAsync(name, cancellation);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var attribute = await db.Attributes.SingleOrDefaultAsync(a => a.Name == name, cancellation);
        var created = attribute is null;
        if (attribute is null)
        {
            attribute = new CustomerAttribute { Name = name, Type = body.Type!, Kind = body.Kind!, CreatedAt = now };
            db.Attributes.Add(attribute);
        }
        else if (attribute.Type != body.Type && await db.Customers.AnyAsync(c => EF.Functions.JsonExists(c.AttributesFolded!, name), cancellation))
        {
            throw ApiProblem.Conflict($"Customers have values of \"{name}\" as {attribute.Type}; its type can't change while they do.");
        }

        if (!created && attribute.Type != body.Type)
        {
            var all = await query.DefinitionsAsync(cancellation);
            await SegmentStates.InvalidateAsync(db, all.Following(all.Segments.Values.Where(s => s.Rule is { } rule && RuleReferences.Fields(rule).Contains($"attributes.{name}")).Select(s => s.Key)), cancellation);
        }

        body.ApplyTo(attribute, now);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return created ? CreatedAtAction(nameof(Get), new { name }, AttributeResource.From(attribute)) : Ok(AttributeResource.From(attribute));
    }

    /// <summary>Deletes an attribute and every customer's value of it. Repeatable.</summary>
    /// <remarks>A 409 names the active segments that use it. Drafts that do become invalid.</remarks>
    [HttpDelete("{name}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string name, CancellationToken cancellation)
    {
        await using var transaction = await BeginAsync(name, cancellation);
        var all = await query.DefinitionsAsync(cancellation);
        HashSet<string> affected = [.. all.Segments.Values.Where(s => s.Rule is { } rule && RuleReferences.Fields(rule).Contains($"attributes.{name}")).Select(s => s.Key)];

        // Through other segments as well: one that refers to an invalid segment is invalid.
        for (var known = -1; known != affected.Count;)
        {
            known = affected.Count;
            affected.UnionWith(affected.ToList().SelectMany(all.UsersOf));
        }

        var users = all.Active.Select(s => s.Key).Where(affected.Contains).ToList();
        if (users.Count > 0)
        {
            throw ApiProblem.Conflict($"Active segments use \"{name}\": {string.Join(", ", users)}.");
        }

        if (await db.Attributes.Where(a => a.Name == name).ExecuteDeleteAsync(cancellation) > 0)
        {
            // Left behind, a value would come back with another type if the name were registered again.
            db.Database.SetCommandTimeout(TimeSpan.FromMinutes(10));
            await db.Database.ExecuteSqlAsync($"UPDATE customers SET attributes = nullif(attributes - {name}, '{{}}'), attributes_folded = nullif(attributes_folded - {name}, '{{}}') WHERE attributes_folded ? {name}", cancellation);
        }

        await transaction.CommitAsync(cancellation);
        return NoContent();
    }

    // Whoever writes values of this attribute holds a share of its row: wait for them, and let none begin.
    private async Task<Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction> BeginAsync(string name, CancellationToken cancellation)
    {
        var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await DefinitionCache.LockAsync(db, cancellation);
        await db.Database.ExecuteSqlAsync($"SELECT 1 FROM attributes WHERE name = {name} FOR UPDATE", cancellation);
        return transaction;
    }
}
