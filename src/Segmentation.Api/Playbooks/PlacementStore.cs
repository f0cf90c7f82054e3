using FluentValidation;
using FluentValidation.Results;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>What a placement must be.</summary>
internal sealed class PlacementValidator : AbstractValidator<PlacementResource>
{
    public PlacementValidator(Limits limits)
    {
        PlaybookTexts.AddChecks(this, p => p.Key, p => p.Name, p => p.Description, p => p.Tags);
        RuleFor(p => p.Type).NotNull().OverridePropertyName("/type")
            .WithMessage("A placement needs a type: object, string, number or boolean.");
        RuleFor(p => p.Fallback).Custom((fallback, context) =>
        {
            if (fallback is { } content
                && PlaybookTexts.FindContentFault(context.InstanceToValidate.Type, content, limits.ContentBytes) is { } fault)
            {
                context.AddFailure(new ValidationFailure("/fallback", fault));
            }
        });
    }
}

/// <summary>Writes placements.</summary>
public sealed class PlacementStore(
    SegmentationDb db, PlaybookReferences references, IValidator<PlacementResource> validator, Limits limits, TimeProvider time)
{
    /// <summary>Begins a change; nobody else changes a definition until it ends.</summary>
    public Task<IDbContextTransaction> BeginAsync(CancellationToken cancellation) => DefinitionCache.BeginAsync(db, cancellation);

    /// <summary>The one with this key, to be changed; null where there is none.</summary>
    public Task<Placement?> FindAsync(string key, CancellationToken cancellation) =>
        db.Placements.SingleOrDefaultAsync(p => p.Key == key, cancellation);

    /// <summary>Checks what was sent.</summary>
    /// <exception cref="ApiProblem">400.</exception>
    public void Check(PlacementResource body) => validator.Check(body);

    /// <summary>Makes or changes a placement, and commits.</summary>
    /// <param name="placement">What there is; null to make one.</param>
    /// <exception cref="ApiProblem">409: another type, while playbooks name it; too many.</exception>
    public async Task<Placement> SaveAsync(
        Placement? placement, PlacementResource body, IDbContextTransaction transaction, CancellationToken cancellation)
    {
        var now = LocalTime.Truncate(time.GetUtcNow());
        if (placement is null)
        {
            if (await db.Placements.CountAsync(cancellation) >= limits.Placements)
            {
                throw ApiProblem.TooMany(limits.Placements, "placements");
            }

            placement = db.Placements.Add(new Placement { Key = body.Key!, Name = body.Key!, CreatedAt = now }).Entity;
        }
        else if (placement.Type != body.Type)
        {
            await CheckUnusedAsync(placement.Key, "its type can't change while they do", cancellation);
        }

        body.ApplyTo(placement);
        placement.Version++;
        placement.UpdatedAt = now;
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return placement;
    }

    /// <summary>Deletes a placement, and commits.</summary>
    /// <exception cref="ApiProblem">409: playbooks name it.</exception>
    public async Task DeleteAsync(Placement placement, IDbContextTransaction transaction, CancellationToken cancellation)
    {
        await CheckUnusedAsync(placement.Key, "it can't be deleted while they do", cancellation);
        db.Placements.Remove(placement);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private async Task CheckUnusedAsync(string key, string why, CancellationToken cancellation)
    {
        var users = await references.ListPlacementUsersAsync(key, cancellation);
        if (users.Count > 0)
        {
            throw ApiProblem.Conflict($"Playbooks name \"{key}\"; {why}: {string.Join(", ", users)}.");
        }
    }
}
