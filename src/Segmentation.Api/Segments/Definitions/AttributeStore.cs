using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Registers attributes: what they are can't change under the values and the segments that rest on it.</summary>
public sealed class AttributeStore(
    SegmentationDb db,
    SegmentQuery query,
    IValidator<AttributeResource> validator,
    FieldUsers users,
    Limits limits,
    TimeProvider time)
{
    /// <summary>Registers an attribute, or changes one.</summary>
    /// <param name="checkVersion">Throws where the caller wants it only if it is there, or only if it is not.</param>
    /// <param name="caller">Who does: that an attribute is sensitive is taken back with the scope <c>privacy</c> alone.</param>
    /// <exception cref="ApiProblem">400; 403; 409: another type, while customers have values or segments use it.</exception>
    public async Task<(CustomerAttribute Attribute, bool Created)> SaveAsync(
        string name, AttributeResource body, Caller caller, Action<int?> checkVersion, CancellationToken cancellation)
    {
        body = body with { Name = body.Name ?? name };
        RuleError[] renamed = [new("/name", "The name is that of the address; an attribute can't be renamed.")];
        validator.Check(body, more: body.Name == name ? [] : renamed);

        await using var transaction = await BeginAsync(name, cancellation);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var attribute = await db.Attributes.SingleOrDefaultAsync(a => a.Name == name, cancellation);
        var created = attribute is null;
        checkVersion(created ? null : 1); // It has no versions to tell apart: only whether it is there.
        if (attribute is null)
        {
            if (await db.Attributes.CountAsync(cancellation) >= limits.Attributes)
            {
                throw ApiProblem.TooMany(limits.Attributes, "attributes");
            }

            attribute = new CustomerAttribute { Name = name, Type = body.Type!, Kind = body.Kind!, CreatedAt = now };
            db.Attributes.Add(attribute);
        }
        else if (attribute.Type != body.Type)
        {
            CheckSensitive(attribute, caller, "/type"); // Whether it can change says whether somebody has a value.
            await CheckTypeChangeAsync(attribute, cancellation);
        }

        // Else whoever changes attributes could read what customers have.
        if (body.Sensitive != true)
        {
            CheckSensitive(attribute, caller, "/sensitive");
        }

        body.ApplyTo(attribute, now);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return (attribute, created);
    }

    /// <summary>Deletes an attribute and every customer's value of it.</summary>
    /// <exception cref="ApiProblem">403: it is sensitive; 409: active segments use it, or something else does.</exception>
    public async Task DeleteAsync(string name, Caller caller, CancellationToken cancellation)
    {
        await using var transaction = await BeginAsync(name, cancellation);

        await users.CheckUnusedAsync($"attributes.{name}", $"\"{name}\"", cancellation);
        if (await db.Attributes.SingleOrDefaultAsync(a => a.Name == name, cancellation) is { } attribute)
        {
            CheckSensitive(attribute, caller, "name");
            db.Attributes.Remove(attribute);
            await db.SaveChangesAsync(cancellation);

            // Left behind, a value would come back with another type if the name were registered again.
            // In one transaction with the definition, however many there are: this statement has a limit of its own.
            db.Database.SetCommandTimeout(TimeSpan.FromMinutes(10));
            await db.Database.ExecuteSqlRawAsync("SET LOCAL statement_timeout = '10min'", cancellation);
            await db.Database.ExecuteSqlAsync(
                $$"""
                UPDATE customers
                SET attributes = nullif(attributes - {{name}}, '{}'), attributes_folded = nullif(attributes_folded - {{name}}, '{}')
                WHERE attributes_folded ? {{name}}
                """, cancellation);
        }

        await transaction.CommitAsync(cancellation);
    }

    private static void CheckSensitive(CustomerAttribute attribute, Caller caller, string place) =>
        SensitiveFields.Refuse(
            attribute.Sensitive && !caller.Has(Scopes.Privacy) ? [place] : [],
            "The attribute is sensitive: leave it as it is, or call with a key that has the scope privacy.");

    private async Task CheckTypeChangeAsync(CustomerAttribute attribute, CancellationToken cancellation)
    {
        if (await db.Customers.AnyAsync(c => EF.Functions.JsonExists(c.AttributesFolded!, attribute.Name), cancellation))
        {
            throw ApiProblem.Conflict(
                $"Customers have values of \"{attribute.Name}\" as {attribute.Type}; its type can't change while they do.");
        }

        // Drafts and archived ones too: their rules were checked against this type.
        var field = $"attributes.{attribute.Name}";
        var used = $"\"{attribute.Name}\" as {attribute.Type}; its type can't change while they do";
        var segments = (await query.DefinitionsAsync(cancellation)).FindFieldUsers(field).Order(StringComparer.Ordinal).ToList();
        if (segments.Count > 0)
        {
            throw ApiProblem.Conflict($"Segments use {used}: {string.Join(", ", segments)}.");
        }

        await users.CheckOthersAsync(field, used, cancellation);
    }

    // Whoever writes values of this attribute holds a share of its row: wait for them, and let none begin.
    private async Task<IDbContextTransaction> BeginAsync(string name, CancellationToken cancellation)
    {
        var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        await db.Database.ExecuteSqlAsync($"SELECT 1 FROM attributes WHERE name = {name} FOR UPDATE", cancellation);
        return transaction;
    }
}
