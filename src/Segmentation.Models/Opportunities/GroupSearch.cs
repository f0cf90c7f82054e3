namespace Segmentation.Models.Opportunities;

/// <summary>Which side of everyone's mean is looked for.</summary>
public enum GroupDirection { High, Low, Both }

/// <summary>What is searched for.</summary>
/// <param name="Conditions">How many a group has at most, 1 to 3.</param>
/// <param name="Top">How many groups are taken at most.</param>
/// <param name="LeastSize">How many customers of the first half a group has at least.</param>
/// <param name="Direction">Which side.</param>
public readonly record struct GroupSettings(int Conditions, int Top, int LeastSize, GroupDirection Direction);

/// <summary>A group that was found.</summary>
/// <param name="Conditions">Those that all of it satisfy, by number, ascending.</param>
/// <param name="Size">How many of the first half it has.</param>
/// <param name="Quality">√n · (mean - everyone's) / s, of the first half, with large numbers lowered; below 0 where its mean is lower.
/// </param>
/// <param name="Strength">The same towards the side that is looked for.</param>
public sealed record FoundGroup(int[] Conditions, int Size, double Quality, double Strength);

/// <summary>
/// Searches the first half of customers for groups, described by conditions, whose outcome is unusual. What it finds is the largest of
/// very many comparisons: that it is more than chance has to be tested on the other half (<see cref="GroupTest"/>).
/// </summary>
/// <remarks>
/// Subgroup discovery by beam search: W. Klösgen, "Explora", in Advances in Knowledge Discovery and Data Mining (1996) 249-271; the quality
/// √n · |mean - everyone's| / s is its mean test. Level by level: each of the 50 best groups of a level is narrowed by each condition.
/// </remarks>
public sealed class GroupSearch
{
    /// <summary>Groups that the next level narrows.</summary>
    public const int Beam = 50;

    /// <summary>The most conditions of a group.</summary>
    public const int MostConditions = 3;

    /// <summary>A group that has more of its customers and another's in common, of those in either, is the same group again.</summary>
    public const double MostOverlap = 0.8;

    /// <summary>Numbers above this share of those that are not 0 count as that one in the search.</summary>
    public const double Winsorized = 0.995;

    private readonly IReadOnlyList<ulong[]> conditions;
    private readonly int words;
    private readonly Outcome outcome;
    private readonly GroupSettings settings;
    private readonly double mean;
    private readonly double deviation;
    private readonly Dictionary<(int, int, int), FoundGroup?> judged = [];

    /// <summary>Prepares a search.</summary>
    /// <param name="conditions">Who satisfies each, by place.</param>
    /// <param name="halves">The customers.</param>
    /// <param name="outcome">What became of them.</param>
    /// <param name="settings">What is searched for.</param>
    public GroupSearch(IReadOnlyList<ulong[]> conditions, CustomerHalves halves, Outcome outcome, GroupSettings settings)
    {
        (this.conditions, words, this.settings) = (conditions, halves.FirstWords, settings);
        this.outcome = outcome.Winsorize(Winsorized, halves.FirstWords * CustomerHalves.WordSize);
        var everyone = this.outcome.Estimate(halves.CreateAll().AsSpan(0, words));
        (mean, deviation) = (everyone.Mean, Math.Sqrt(everyone.Variance));
    }

    /// <summary>How many groups were judged.</summary>
    public int Searched => judged.Count;

    /// <summary>Searches.</summary>
    /// <param name="report">Is told how far it is, 0 to 1.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The groups that are taken, the most unusual first.</returns>
    public IReadOnlyList<FoundGroup> Search(Action<double>? report = null, CancellationToken cancellation = default)
    {
        List<FoundGroup> found = [];
        List<FoundGroup> beam = [];
        for (var level = 1; level <= settings.Conditions; level++)
        {
            List<FoundGroup> next = [];
            foreach (var (i, group) in (level == 1 ? [new FoundGroup([], 0, 0, 0)] : beam).Index())
            {
                cancellation.ThrowIfCancellationRequested();
                report?.Invoke((level - 1 + ((double)i / Beam)) / settings.Conditions);
                next.AddRange(Narrow(group));
            }

            // Also those on the other side may lead to one on this.
            next.RemoveAll(g => !IsBetterThanItsParts(g));
            found.AddRange(next.Where(g => g.Strength > 0));
            beam = [.. Order(next).Take(Beam)];
        }

        return Take(Order(found));
    }

    /// <summary>Those of the first half who satisfy conditions.</summary>
    internal ulong[] Intersect(IEnumerable<int> group)
    {
        ulong[]? all = null;
        foreach (var condition in group)
        {
            all = all is null ? conditions[condition][..words] : BitSets.Intersect([all, conditions[condition]]);
        }

        return all!;
    }

    // Each group of one more condition, once, that is as large as it has to be.
    private IEnumerable<FoundGroup> Narrow(FoundGroup group)
    {
        var bits = group.Conditions.Length == 0 ? null : Intersect(group.Conditions);
        var common = new ulong[words];
        for (var c = 0; c < conditions.Count; c++)
        {
            if (group.Conditions.Contains(c))
            {
                continue;
            }

            int[] wider = [.. group.Conditions.Append(c).Order()];
            if (judged.ContainsKey(Key(wider)))
            {
                continue;
            }

            var (more, into) = (conditions[c], common);
            for (var w = 0; w < into.Length; w++)
            {
                into[w] = bits is null ? more[w] : bits[w] & more[w];
            }

            if (Judge(wider, common) is { } found)
            {
                yield return found;
            }
        }
    }

    private FoundGroup? Judge(int[] group, ulong[] bits)
    {
        var size = BitSets.Count(bits);
        if (size < settings.LeastSize || deviation == 0)
        {
            return judged[Key(group)] = null;
        }

        var quality = Math.Sqrt(size) * ((outcome.Sum(bits) / size) - mean) / deviation;
        return judged[Key(group)] = new FoundGroup(group, size, quality, settings.Direction switch
        {
            GroupDirection.High => quality,
            GroupDirection.Low => -quality,
            _ => Math.Abs(quality),
        });
    }

    // From the most unusual on; equal ones, those of fewer conditions first, then in the order of the conditions.
    private static List<FoundGroup> Order(IEnumerable<FoundGroup> groups) =>
    [
        .. groups.OrderByDescending(g => g.Strength).ThenBy(g => g.Conditions.Length)
            .ThenBy(g => g.Conditions[0]).ThenBy(g => g.Conditions.ElementAtOrDefault(1)).ThenBy(g => g.Conditions.ElementAtOrDefault(2)),
    ];

    private List<FoundGroup> Take(List<FoundGroup> groups)
    {
        List<(FoundGroup Group, ulong[] Bits)> taken = [];
        foreach (var group in groups)
        {
            if (taken.Count == settings.Top)
            {
                break;
            }

            var bits = Intersect(group.Conditions);
            if (!taken.Any(t => IsSame(t.Group, t.Bits, group, bits)))
            {
                taken.Add((group, bits));
            }
        }

        return [.. taken.Select(t => t.Group)];
    }

    private static bool IsSame(FoundGroup better, ulong[] ofBetter, FoundGroup group, ulong[] bits)
    {
        // Sets of very different sizes can't have so much in common: nothing has to be counted.
        var (small, large) = (Math.Min(better.Size, group.Size), Math.Max(better.Size, group.Size));
        return small > MostOverlap * large
            && BitSets.FindJaccard(BitSets.CountBoth(ofBetter, bits), better.Size, group.Size) > MostOverlap;
    }

    // With fewer of its conditions it would be less unusual, whichever these are: else they add nothing.
    private bool IsBetterThanItsParts(FoundGroup group) => ListParts(group.Conditions).All(part =>
        (judged.TryGetValue(Key(part), out var known) ? known : Judge(part, Intersect(part))) is not { } found
        || group.Strength > found.Strength);

    private static IEnumerable<int[]> ListParts(int[] group) => group.Length switch
    {
        1 => [],
        2 => group.Select(c => new[] { c }),
        _ => group.Select(c => new[] { c }).Concat(group.Select(c => group.Where(other => other != c).ToArray())),
    };

    private static (int, int, int) Key(int[] group) =>
        (group[0], group.Length > 1 ? group[1] : -1, group.Length > 2 ? group[2] : -1);
}
