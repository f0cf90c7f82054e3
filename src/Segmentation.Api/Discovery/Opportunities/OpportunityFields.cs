using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Discovery;

/// <summary>
/// Which fields describe groups: those of a profile, without what tells what came since: scores, which are of now, when somebody was first
/// and last seen, and what stands in the profile and the target's own rule reads.
/// </summary>
internal sealed class OpportunityFields
{
    private static readonly string[] Later = ["behavioral.silence", "temporal.firstSeenAt", "temporal.lastSeenAt"];

    // What events add up to is counted as of then.
    private static readonly string[] Moved = ["behavioral.", "value."];

    private readonly HashSet<string> read = new(StringComparer.Ordinal);

    /// <summary>Chooses fields.</summary>
    /// <param name="catalog">All fields, as of then.</param>
    /// <param name="all">The segments that the target's rule may refer to.</param>
    /// <param name="target">The target's rule; null where it is a metric.</param>
    /// <param name="readsCustomer">Whether a field reads anything of a customer.</param>
    public OpportunityFields(
        FieldCatalog<Customer> catalog, DefinitionSet all, JsonElement? target, Func<Field, bool> readsCustomer)
    {
        var fields = new ProfileFields(catalog, all, [], new RevenueOptions(), readsCustomer);
        AddRead(all, target, new HashSet<string>(StringComparer.Ordinal));
        (Values, Sets, Numbers) = (Choose(fields.Values), Choose(fields.Sets), Choose(fields.Numbers));
    }

    /// <summary>Texts and booleans.</summary>
    public IReadOnlyList<Field> Values { get; }

    public IReadOnlyList<Field> Sets { get; }

    /// <summary>Numbers, dates and instants.</summary>
    public IReadOnlyList<Field> Numbers { get; }

    /// <summary>Whether a field can describe a group.</summary>
    public bool IsKnown(string name) =>
        !name.StartsWith("predicted.", StringComparison.Ordinal) && !Later.Contains(name)
        && (!read.Contains(ProfileKin.Find(name)) || Moved.Any(m => name.StartsWith(m, StringComparison.Ordinal)));

    private IReadOnlyList<Field> Choose(IReadOnlyList<Field> fields) => [.. fields.Where(f => IsKnown(f.Name))];

    // Segments that it refers to are parts of it.
    private void AddRead(DefinitionSet all, JsonElement? rule, HashSet<string> seen)
    {
        if (rule is not { } known)
        {
            return;
        }

        read.UnionWith(RuleReferences.Fields(known).Select(ProfileKin.Find));
        foreach (var key in RuleReferences.Segments(known).Where(seen.Add))
        {
            AddRead(all, all.Segments.GetValueOrDefault(key)?.Rule, seen);
        }
    }
}

/// <summary>The instant that groups are described as of.</summary>
internal static class OpportunityMoment
{
    /// <summary>So many days before an instant, as rules count them.</summary>
    public static DateTimeOffset Before(Evaluation at, int days) => at.From(new DateValue.Relative(DateAnchor.Now, -days, DateUnit.Day));
}
