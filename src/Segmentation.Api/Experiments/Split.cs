using System.Globalization;

namespace Segmentation.Api.Experiments;

/// <summary>
/// Which variant a unit gets: a hash of seed and unit, as GrowthBook's SDKs work it out in their hash version 2, byte for byte. Nothing is
/// stored for it, and nobody has to be asked.
/// </summary>
/// <remarks>
/// FNV-1a of 32 bits over UTF-16 code units, twice, as in hashFnv32a, hash and getBucketRanges of GrowthBook's SDKs:
/// https://docs.growthbook.io/lib/build-your-own. The doubles are added and multiplied in their order: where two variants meet, a last
/// bit decides.
/// </remarks>
public sealed class Split
{
    /// <summary>Into how many parts units fall.</summary>
    public const int Buckets = 10_000;

    private readonly string seed;
    private readonly LayerRange? layer;
    private readonly (double Start, double End)[] ranges;

    /// <param name="seed">The experiment's.</param>
    /// <param name="run">From 1: another run has other units.</param>
    /// <param name="weights">Of the variants, in their order; positive.</param>
    /// <param name="coverage">The share of units that take part, 0 to 1.</param>
    /// <param name="layer">The part of a layer that it has; null for all units.</param>
    public Split(string seed, int run, IReadOnlyList<int> weights, double coverage, LayerRange? layer)
    {
        this.seed = RunSeed(seed, run);
        this.layer = layer;
        ranges = new (double, double)[weights.Count];
        var start = 0d;
        for (var i = 0; i < ranges.Length; i++)
        {
            var weight = Share(weights, i);
            ranges[i] = (start, start + (coverage * weight));
            start += weight;
        }
    }

    /// <summary>The seed of a run: the first has the experiment's own.</summary>
    public static string RunSeed(string seed, int run) => run == 1 ? seed : string.Create(CultureInfo.InvariantCulture, $"{seed}~{run}");

    /// <summary>The share of a variant: its weight by all.</summary>
    public static double Share(IReadOnlyList<int> weights, int variant) => (double)weights[variant] / weights.Sum();

    /// <summary>The seed of a layer's own split.</summary>
    public static string LayerSeed(string layer) => "layer:" + layer;

    /// <summary>FNV-1a of 32 bits, over UTF-16 code units.</summary>
    public static uint Fnv(string text)
    {
        var hash = 2166136261;
        foreach (var unit in text)
        {
            hash = unchecked((hash ^ unit) * 16777619);
        }

        return hash;
    }

    /// <summary>The part that a unit falls into, from 0 to 9,999.</summary>
    public static int Bucket(string seed, string unit) =>
        (int)(Fnv(Fnv(seed + unit).ToString(CultureInfo.InvariantCulture)) % Buckets);

    /// <summary>What a unit gets.</summary>
    public Assignment Assign(string unit)
    {
        var bucket = Bucket(seed, unit);
        if (layer is { } range && (double)Bucket(LayerSeed(range.Key), unit) / Buckets is var place
            && !(range.From <= place && place < range.To))
        {
            return new Assignment(bucket, null, AssignmentReason.OutsideLayer);
        }

        var n = (double)bucket / Buckets;
        var variant = Array.FindIndex(ranges, r => r.Start <= n && n < r.End);
        return variant < 0
            ? new Assignment(bucket, null, AssignmentReason.OutsideCoverage)
            : new Assignment(bucket, variant, AssignmentReason.Assigned);
    }
}

/// <summary>The part of a layer that an experiment has: experiments with parts that don't overlap share no unit.</summary>
/// <param name="Key">The layer's.</param>
/// <param name="From">0 or more; counts.</param>
/// <param name="To">More than <paramref name="From"/>, up to 1; does not count.</param>
public readonly record struct LayerRange(string Key, double From, double To);

/// <summary>What a unit gets.</summary>
/// <param name="Bucket">From 0 to 9,999.</param>
/// <param name="Variant">The variant's place among those of the experiment; null where the unit takes no part.</param>
/// <param name="Reason">Why.</param>
public readonly record struct Assignment(int Bucket, int? Variant, AssignmentReason Reason);

/// <summary>Why a unit gets what it gets: <c>kept</c> is what it was shown before in this run.</summary>
public enum AssignmentReason { Assigned, Kept, OutsideCoverage, OutsideLayer }
