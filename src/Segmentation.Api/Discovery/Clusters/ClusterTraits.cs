using System.Text.Json.Nodes;
using Segmentation.Api.Insight;
using Segmentation.Models.Clusters;
using Segmentation.Models.Statistics;
using Segmentation.Rules;

namespace Segmentation.Api.Discovery;

/// <summary>What marks a group among those who were grouped, by a profile's tests.</summary>
internal sealed class ClusterTraits(
    IReadOnlyList<GroupedField> fields, byte[] labels, ProfileFields profile, Evaluation at, int minimumGroup,
    Func<JsonObject, string?> describe)
{
    private const int Most = 5;
    private const int NoDays = 1;

    // By number, the least first; a sort a field serves all groups.
    private readonly Dictionary<GroupedField, int[]> orders = fields.Where(f => f.Values is NumberField).ToDictionary(f => f, Order);

    /// <summary>The most telling traits, with a name made of them.</summary>
    public (IReadOnlyList<TraitResult> Traits, string Headline) Tell(int group)
    {
        var members = labels.LongCount(l => l == group);
        var tests = new ProfileTestList(members, labels.Length - members, NoDays, at, profile, minimumGroup);
        foreach (var field in fields)
        {
            switch (field.Values)
            {
                case NumberField number:
                    tests.AddNumbers(field.Field, CountNumbers(number, orders[field], group));
                    break;
                case SetField { Elements: var elements, Kinds: var kinds }:
                    tests.AddElements(field.Field, Count(field, group, kinds, (i, kind) => (elements[i] >> kind & 1) != 0));
                    break;
                case ValueField { Values: var values, Kinds: var kinds }:
                    tests.AddValues(field.Field, Count(field, group, kinds, (i, kind) => values[i] == kind));
                    if (field.Field.Type == Rules.Catalog.FieldType.Text)
                    {
                        tests.AddValues(field.Field, CountMissing(values, group));
                    }

                    break;
            }
        }

        return new ProfileFindings(tests, describe).TellMost(Most);
    }

    private static int[] Order(GroupedField field)
    {
        var values = ((NumberField)field.Values).Values;
        int[] order = [.. Enumerable.Range(0, values.Length).Where(i => !double.IsNaN(values[i]))];
        Array.Sort(Array.ConvertAll(order, i => values[i]), order);
        return order;
    }

    private ValueCounts Count(GroupedField field, int group, int kinds, Func<int, int, bool> has)
    {
        List<ValueCount> counts = [];
        for (var kind = 0; kind < kinds; kind++)
        {
            var (members, others) = (0L, 0L);
            for (var i = 0; i < labels.Length; i++)
            {
                if (has(i, kind))
                {
                    (members, others) = labels[i] == group ? (members + 1, others) : (members, others + 1);
                }
            }

            counts.Add(new(field.Names[kind], field.Names[kind], members, others));
        }

        return new(counts, 0);
    }

    private ValueCounts CountMissing(sbyte[] values, int group)
    {
        var missing = values.Index().Where(v => v.Item < 0).CountBy(v => labels[v.Index] == group).ToDictionary();
        return new(missing.Count == 0 ? [] : [new(null, null, missing.GetValueOrDefault(true), missing.GetValueOrDefault(false))], 0);
    }

    private NumberComparison CountNumbers(NumberField number, int[] order, int group)
    {
        List<(double Value, long Members, long Others)> counts = [];
        foreach (var customer in order)
        {
            var value = number.Values[customer];
            var isMember = labels[customer] == group;
            var last = counts.Count > 0 && counts[^1].Value == value ? counts[^1] : (value, 0, 0);
            var next = (value, last.Members + (isMember ? 1 : 0), last.Others + (isMember ? 0 : 1));
            if (last.Members + last.Others > 0)
            {
                counts[^1] = next;
            }
            else
            {
                counts.Add(next);
            }
        }

        return new(counts);
    }
}
