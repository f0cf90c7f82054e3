using System.Globalization;
using Segmentation.Api.Data;
using Segmentation.Models.Purchases;

namespace Segmentation.Api.Predictions;

/// <summary>The model of lifetime value that is in force.</summary>
/// <param name="Version">Its version.</param>
/// <param name="PinnedTo">The day that it is to look at, where it was fitted as of the past; null for the day of scoring.</param>
/// <param name="Model">Its formulas.</param>
internal sealed record LifetimeValueScorer(int Version, DateOnly? PinnedTo, LifetimeValueModel Model);

/// <summary>The models that customers are scored by.</summary>
/// <param name="LifetimeValue">Null without one.</param>
internal sealed record ScoringModels(LifetimeValueScorer? LifetimeValue)
{
    /// <summary>Others than those of the last scoring of everybody: all are scored anew.</summary>
    public string Signature => LifetimeValue is { } model
        ? string.Create(CultureInfo.InvariantCulture, $"lifetimeValue {model.Version} {model.PinnedTo:O}")
        : "";

    /// <summary>Those in force now.</summary>
    public static Task<ScoringModels> ReadAsync(SegmentationDb db, CancellationToken cancellation) =>
        Task.FromResult(new ScoringModels((LifetimeValueScorer?)null));
}
