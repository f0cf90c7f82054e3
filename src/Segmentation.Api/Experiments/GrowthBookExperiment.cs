using System.Globalization;

namespace Segmentation.Api.Experiments;

/// <summary>An experiment in the shape that GrowthBook's SDKs run: <c>growthbook.run(experiment)</c>.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Name">Its name.</param>
/// <param name="Phase">The number of the run.</param>
/// <param name="Variations">The variants' keys.</param>
/// <param name="Meta">The same, as the SDKs report them.</param>
/// <param name="HashVersion">2.</param>
/// <param name="Seed">What the hash of a unit begins with, in this run.</param>
/// <param name="Weights">The variants' shares, in their order.</param>
/// <param name="Coverage">The share of units that take part.</param>
/// <param name="Filters">The layer, where it has one.</param>
public sealed record GrowthBookExperiment(
    string Key,
    string Name,
    string Phase,
    IReadOnlyList<string> Variations,
    IReadOnlyList<GrowthBookVariation> Meta,
    int HashVersion,
    string Seed,
    IReadOnlyList<double> Weights,
    double Coverage,
    IReadOnlyList<GrowthBookFilter>? Filters)
{
    private const int Hash = 2;

    internal static GrowthBookExperiment From(ExperimentResource experiment)
    {
        var run = Math.Max(experiment.Run!.Value, 1);
        var weights = experiment.Variants!.Select(v => v.Weight!.Value).ToList();
        return new GrowthBookExperiment(
            experiment.Key!,
            experiment.Name!,
            run.ToString(CultureInfo.InvariantCulture),
            [.. experiment.Variants!.Select(v => v.Key!)],
            [.. experiment.Variants!.Select(v => new GrowthBookVariation(v.Key!))],
            Hash,
            Split.RunSeed(experiment.Seed!, run),
            [.. weights.Select((_, i) => Split.Share(weights, i))],
            ExperimentResource.ToDouble(experiment.Coverage!.Value),
            experiment.Layer is { } layer
                ? [new GrowthBookFilter(
                    Split.LayerSeed(layer.Key!),
                    [[ExperimentResource.ToDouble(layer.From!.Value), ExperimentResource.ToDouble(layer.To!.Value)]],
                    Hash)]
                : null);
    }
}

/// <summary>A variant.</summary>
/// <param name="Key">Its key.</param>
public sealed record GrowthBookVariation(string Key);

/// <summary>A layer.</summary>
/// <param name="Seed">What the hash of a unit begins with.</param>
/// <param name="Ranges">Where units are in: from, which counts, and to, which does not.</param>
/// <param name="HashVersion">2.</param>
public sealed record GrowthBookFilter(string Seed, IReadOnlyList<double[]> Ranges, int HashVersion);
