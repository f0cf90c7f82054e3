namespace Segmentation.Models.Clusters;

/// <summary>A step on the way to a leaf.</summary>
/// <param name="Field">Which field is asked.</param>
/// <param name="Split">Which split of it.</param>
/// <param name="IsOn">Whether the way goes on with those on the side that the split names.</param>
/// <param name="TakesMissing">Whether those without a value are among them.</param>
public readonly record struct TreeStep(int Field, int Split, bool IsOn, bool TakesMissing);

/// <summary>Customers at the end of a way.</summary>
/// <param name="Way">From the root.</param>
/// <param name="Group">The group that most of them are of.</param>
public sealed record TreeLeaf(IReadOnlyList<TreeStep> Way, int Group);

/// <summary>One decision tree that says groups by the fields' own values: every customer is in exactly one leaf.</summary>
/// <remarks>L. Breiman et al., Classification and Regression Trees (1984): the split with the least Gini impurity, one after the other.
/// Those without a value go where that is less. Gini cuts off one group after the other, which depth may end before the last has a leaf:
/// so the tree by entropy, which halves, is grown as well, and the one that is right more often is taken.</remarks>
public sealed class DecisionTree
{
    private const int MaxDepth = 4;
    private const double LeastShare = 0.01;
    private const double LeastGain = 1e-9;

    private readonly IReadOnlyList<ClusterField> fields;
    private readonly byte[] labels;
    private readonly int groups;
    private readonly int least;
    private readonly Func<ReadOnlySpan<int>, double> impurity;
    private readonly Node root;

    /// <summary>Grows a tree.</summary>
    /// <param name="fields">The fields.</param>
    /// <param name="labels">Each customer's group.</param>
    /// <param name="groups">How many groups there are.</param>
    /// <param name="customers">How many it learns of: the first.</param>
    /// <param name="leastLeaf">How many of them a leaf has, at least; one in a hundred in any case.</param>
    public DecisionTree(IReadOnlyList<ClusterField> fields, byte[] labels, int groups, int customers, int leastLeaf)
    {
        (this.fields, this.labels, this.groups) = (fields, labels, groups);
        least = Math.Max(leastLeaf, (int)Math.Ceiling(LeastShare * customers));
        int[] learned = [.. Enumerable.Range(0, customers)];
        impurity = Gini;
        root = Grow(learned, 0);
        var right = learned.Count(i => Predict(i) == labels[i]);
        var byGini = root;
        impurity = Entropy;
        root = Grow(learned, 0);
        root = learned.Count(i => Predict(i) == labels[i]) > right ? root : byGini;
        Leaves = [.. List(root, [])];
    }

    /// <summary>All leaves; of neighbors that say the same there is one.</summary>
    public IReadOnlyList<TreeLeaf> Leaves { get; }

    /// <summary>The group that it says a customer is of.</summary>
    public int Predict(int customer)
    {
        var node = root;
        while (node.Question is { } question)
        {
            node = fields[question.Field].IsOn(question.Split, customer) ?? question.TakesMissing ? node.On! : node.Off!;
        }

        return node.Group;
    }

    /// <summary>The impurity of groups, times how many there are.</summary>
    internal static double Gini(ReadOnlySpan<int> counts)
    {
        var (all, squares) = (0.0, 0.0);
        foreach (var count in counts)
        {
            all += count;
            squares += (double)count * count;
        }

        return all == 0 ? 0 : all - (squares / all);
    }

    private static double Entropy(ReadOnlySpan<int> counts)
    {
        var (all, sum) = (0.0, 0.0);
        foreach (var count in counts)
        {
            all += count;
            sum += count > 0 ? count * Math.Log(count) : 0;
        }

        return all > 0 ? (all * Math.Log(all)) - sum : 0;
    }

    private Node Grow(int[] customers, int depth)
    {
        var counts = new int[groups];
        foreach (var customer in customers)
        {
            counts[labels[customer]]++;
        }

        var leaf = new Node(Array.IndexOf(counts, counts.Max()), null, null, null);
        if (depth == MaxDepth || FindSplit(customers, counts) is not { } split)
        {
            return leaf;
        }

        var isOn = customers.ToLookup(c => fields[split.Field].IsOn(split.Split, c) ?? split.TakesMissing);
        var (on, off) = (Grow([.. isOn[true]], depth + 1), Grow([.. isOn[false]], depth + 1));
        return on.Question is null && off.Question is null && on.Group == off.Group ? leaf : new Node(leaf.Group, split, on, off);
    }

    private static IEnumerable<TreeLeaf> List(Node node, TreeStep[] way) => node.Question is { } question
        ? List(node.On!, [.. way, question with { IsOn = true }])
            .Concat(List(node.Off!, [.. way, question with { IsOn = false, TakesMissing = !question.TakesMissing }]))
        : [new(way, node.Group)];

    private TreeStep? FindSplit(int[] customers, int[] counts)
    {
        var (most, found) = (impurity(counts) * (1 - LeastGain), default(TreeStep?));
        foreach (var (field, values) in fields.Index())
        {
            // Of each split, the groups of those who are on its side; of numbers, by the greatest cut that they reach.
            var kinds = values is ValueField { Kinds: var all } ? all : values.Splits;
            var (known, missing) = (new int[kinds * groups], new int[groups]);
            foreach (var customer in customers)
            {
                Count(values, customer, known, missing);
            }

            if (values is NumberField)
            {
                for (var i = known.Length - groups - 1; i >= 0; i--)
                {
                    known[i] += known[i + groups];
                }
            }

            if (values is ValueField)
            {
                foreach (var order in Orders(known, kinds))
                {
                    var (split, on) = (0, new int[groups]);
                    TryBoth(new TreeStep(field, split, true, false), on, missing);
                    foreach (var kind in order)
                    {
                        split |= 1 << kind;
                        for (var g = 0; g < groups; g++)
                        {
                            on[g] += known[(kind * groups) + g];
                        }

                        TryBoth(new TreeStep(field, split, true, false), on, missing);
                    }
                }

                continue;
            }

            for (var split = 0; split < kinds; split++)
            {
                TryBoth(new TreeStep(field, split, true, false), known[(split * groups)..((split + 1) * groups)], missing);
            }
        }

        return found;

        void TryBoth(TreeStep step, int[] on, int[] missing)
        {
            Try(step, on);
            if (missing.Any(m => m > 0) && !(fields[step.Field] is NumberField && step.Split == 0))
            {
                Try(step with { TakesMissing = true }, [.. on.Zip(missing, (o, m) => o + m)]);
            }
        }

        void Try(TreeStep step, ReadOnlySpan<int> on)
        {
            Span<int> off = stackalloc int[groups];
            var (ons, offs) = (0, 0);
            for (var g = 0; g < groups; g++)
            {
                off[g] = counts[g] - on[g];
                (ons, offs) = (ons + on[g], offs + off[g]);
            }

            if (ons >= least && offs >= least && impurity(on) + impurity(off) is var left && left < most)
            {
                (most, found) = (left, step);
            }
        }
    }

    // Of the divisions of many values in two there are too many to try: for each group, those by how many of a value are of it. Of two
    // groups the best is among them (Breiman et al., theorem 4.5).
    private IEnumerable<int[]> Orders(int[] known, int kinds)
    {
        int[] all = [.. Enumerable.Range(0, kinds).Select(k => known.AsSpan(k * groups, groups).ToArray().Sum())];
        return Enumerable.Range(0, groups).Select(g => Enumerable.Range(0, kinds).Where(k => all[k] > 0)
            .OrderByDescending(k => (double)known[(k * groups) + g] / all[k]).ThenBy(k => k).ToArray());
    }

    private void Count(ClusterField field, int customer, int[] known, int[] missing)
    {
        var group = labels[customer];
        switch (field)
        {
            case NumberField { Values: var values, Cuts: var cuts }:
                if (double.IsNaN(values[customer]))
                {
                    missing[group]++;
                    return;
                }

                var reached = Array.BinarySearch(cuts, values[customer]);
                known[((reached < 0 ? ~reached : reached + 1) * groups) + group]++;
                break;
            case ValueField { Values: var values }:
                if (values[customer] < 0)
                {
                    missing[group]++;
                }
                else
                {
                    known[(values[customer] * groups) + group]++;
                }

                break;
            default:
                for (var split = 0; split < field.Splits; split++)
                {
                    known[(split * groups) + group] += field.IsOn(split, customer) == true ? 1 : 0;
                }

                break;
        }
    }

    private sealed record Node(int Group, TreeStep? Question, Node? On, Node? Off);
}
