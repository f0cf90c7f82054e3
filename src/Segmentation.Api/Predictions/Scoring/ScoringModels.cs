using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Models.Purchases;

namespace Segmentation.Api.Predictions;

/// <summary>The model of lifetime value that is in force.</summary>
/// <param name="Version">Its version.</param>
/// <param name="PinnedTo">The day that it is to look at, where it was fitted as of the past; null for the day of scoring.</param>
/// <param name="Model">Its formulas.</param>
internal sealed record LifetimeValueScorer(int Version, DateOnly? PinnedTo, LifetimeValueModel Model);

/// <summary>The models that customers are scored by.</summary>
/// <param name="LifetimeValue">Null without one.</param>
/// <param name="Propensities">By key.</param>
internal sealed record ScoringModels(LifetimeValueScorer? LifetimeValue, IReadOnlyList<PropensityInForce> Propensities)
{
    /// <summary>Others than those of the last scoring of everybody: all are scored anew.</summary>
    public string Signature => string.Join(", ", (IEnumerable<string>)[
        .. LifetimeValue is { } model
            ? [string.Create(CultureInfo.InvariantCulture, $"lifetimeValue {model.Version} {model.PinnedTo:O}")]
            : Array.Empty<string>(),
        .. Propensities.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Key} {p.Version} {p.FittedAt:O}")),
    ]);

    /// <summary>The key and the number of each version that a signature names, with a space between.</summary>
    public static string[] ListVersions(string signature) =>
        [.. signature.Split(", ").Select(v => string.Join(' ', v.Split(' ').Take(2)))];

    /// <summary>Which versions are in force: as long as these are the same, so is all that is read of them.</summary>
    public static async Task<string> ReadStampAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var rows = await db.ModelVersions.Where(v => v.InForce).OrderBy(v => v.ModelKey)
            .Select(v => new { v.ModelKey, v.Version, v.FittedAt }).ToListAsync(cancellation);
        return string.Join(", ", rows.Select(r => $"{r.ModelKey} {r.Version} {r.FittedAt:O}"));
    }

    /// <summary>Those in force now.</summary>
    public static async Task<ScoringModels> ReadAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var version = await new ModelVersions(db).FindInForceAsync(LifetimeValueType.TypeName, cancellation);
        return new ScoringModels(
            version is null
                ? null
                : new LifetimeValueScorer(version.Version, version.PinnedTo, LifetimeValueTrainer.ToModel(version)),
            await PropensityInForce.ListAsync(db, cancellation));
    }
}
