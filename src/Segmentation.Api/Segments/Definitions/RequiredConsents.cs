using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>Checks <c>requiresConsent</c> as it was sent: ten registered purposes at most.</summary>
internal static class RequiredConsents
{
    /// <summary>What is wrong with it.</summary>
    /// <param name="stored">Purposes that may be missing from the register, since they are stored already; null for none.</param>
    public static async Task<IReadOnlyList<RuleError>> FindFaultsAsync(
        SegmentationDb db, string?[]? purposes, CancellationToken cancellation, string[]? stored = null)
    {
        if (purposes is null or [])
        {
            return [];
        }

        if (purposes.Length > Segment.ConsentsMaxItems)
        {
            return [new RuleError("/requiresConsent", $"A segment requires {Segment.ConsentsMaxItems} consents at most.")];
        }

        var valid = purposes.Where(p => p is not null && CustomerNames.IsValid(p)).ToList();
        var registered = await db.Purposes.Where(p => valid.Contains(p.Name)).Select(p => p.Name).ToListAsync(cancellation);
        return
        [
            .. purposes.Index().Where(p => p.Item is null || !(registered.Contains(p.Item) || stored?.Contains(p.Item) == true))
                .Select(p => new RuleError(
                    $"/requiresConsent/{p.Index}",
                    "This purpose is not registered; GET /api/v1/purposes lists them, PUT /api/v1/purposes/NAME registers one.")),
        ];
    }

    /// <inheritdoc cref="FindFaultsAsync"/>
    /// <exception cref="ApiProblem">400.</exception>
    public static async Task CheckAsync(
        SegmentationDb db, string?[]? purposes, CancellationToken cancellation, string[]? stored = null)
    {
        if (await FindFaultsAsync(db, purposes, cancellation, stored) is { Count: > 0 } faults)
        {
            throw ApiProblem.Invalid(faults);
        }
    }
}
