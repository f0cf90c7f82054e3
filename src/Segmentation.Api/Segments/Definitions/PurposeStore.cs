using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Registers purposes; one that active segments or playbooks ask for stays.</summary>
public sealed partial class PurposeStore(
    SegmentationDb db,
    SegmentQuery query,
    FieldUsers users,
    IEnumerable<IDefinitionObserver> observers,
    Limits limits,
    TimeProvider time)
{
    /// <summary>Registers a purpose, or changes one.</summary>
    /// <exception cref="ApiProblem">400; 409: there are as many as there may be.</exception>
    public async Task<(Purpose Purpose, bool Created)> SaveAsync(
        string name, PurposeResource body, Action<int?> checkVersion, CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        var purpose = CustomerNames.IsValid(name) ? await db.Purposes.SingleOrDefaultAsync(p => p.Name == name, cancellation) : null;
        var created = purpose is null;

        // Older names, with capitals, are those that customers had when purposes were first registered.
        var faults = Faults(name, body, isNew: created).ToArray();
        if (faults is not [])
        {
            throw ApiProblem.Invalid(faults);
        }

        checkVersion(created ? null : 1); // It has no versions to tell apart: only whether it is there.
        var now = LocalTime.Truncate(time.GetUtcNow());
        if (purpose is null)
        {
            if (await db.Purposes.CountAsync(cancellation) >= limits.Purposes)
            {
                throw ApiProblem.TooMany(limits.Purposes, "purposes");
            }

            purpose = new Purpose { Name = name, CreatedAt = now };
            db.Purposes.Add(purpose);
        }

        (purpose.Label, purpose.Description) = (body.Label, body.Description);
        purpose.Basis = body.Basis ?? PurposeBasis.Consent;
        purpose.UpdatedAt = now;
        var expires = purpose.ExpiresAfterDays;
        purpose.ExpiresAfterDays = body.ExpiresAfterDays;
        await db.SaveChangesAsync(cancellation);
        if (purpose.ExpiresAfterDays != expires)
        {
            await FollowUpAsync(name, cancellation);
        }

        await transaction.CommitAsync(cancellation);
        return (purpose, created);
    }

    /// <summary>Takes a purpose off the register. What customers consented to stays on record.</summary>
    /// <exception cref="ApiProblem">409: active segments ask for it, or something else does.</exception>
    public async Task DeleteAsync(string name, CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        var field = DefinitionSet.ConsentPrefix + name;
        await users.CheckUnusedAsync(field, ErrorText.Quote(field), cancellation);
        if (CustomerNames.IsValid(name) && await db.Purposes.SingleOrDefaultAsync(p => p.Name == name, cancellation) is { } purpose)
        {
            db.Remove(purpose);
            await db.SaveChangesAsync(cancellation);
        }

        await transaction.CommitAsync(cancellation);
    }

    // Whoever consented long ago may leave segments by this, or be in them again.
    private async Task FollowUpAsync(string name, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var affected = all.FindAffected(all.FindFieldUsers(DefinitionSet.ConsentPrefix + name));
        foreach (var observer in observers)
        {
            await observer.DefinitionsChangedAsync(affected, cancellation);
        }
    }

    private static IEnumerable<RuleError> Faults(string name, PurposeResource body, bool isNew)
    {
        if (isNew && !NewName().IsMatch(name))
        {
            yield return new RuleError(
                "/name", "A purpose's name is 1 to 63 small letters, digits and underscores, and starts with a letter.");
        }
        else if (body.Name is not null && body.Name != name)
        {
            yield return new RuleError("/name", "The name is that of the address; a purpose can't be renamed.");
        }

        if (!Texts.Fits(body.Label, Purpose.LabelMaxLength))
        {
            yield return new RuleError("/label", Texts.TooLong(Purpose.LabelMaxLength));
        }

        if (!Texts.Fits(body.Description, Purpose.DescriptionMaxLength))
        {
            yield return new RuleError("/description", Texts.TooLong(Purpose.DescriptionMaxLength));
        }

        if (body.ExpiresAfterDays is < 1 or > Purpose.ExpiresAfterMaxDays)
        {
            yield return new RuleError("/expiresAfterDays", $"expiresAfterDays is 1 to {Purpose.ExpiresAfterMaxDays}.");
        }

        if (body.Basis is { } basis && !Enum.IsDefined(basis))
        {
            yield return new RuleError("/basis", "basis is one of consent, contract, legitimateInterest, legalObligation.");
        }
    }

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,62}\z")]
    private static partial Regex NewName();
}
