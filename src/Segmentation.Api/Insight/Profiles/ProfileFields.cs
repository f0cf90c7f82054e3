using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>Which fields a profile compares, and which of them the compared segments' own rules read.</summary>
internal sealed class ProfileFields
{
    // Who somebody is, and where exactly he lives, is no trait; what the clock says now is none of the customer.
    private static readonly string[] Left =
        ["geographic.location", "geographic.postalCode", "temporal.localHour", "temporal.localDayOfWeek"];

    private readonly HashSet<string> read = new(StringComparer.Ordinal);
    private readonly HashSet<string> readTypes = new(StringComparer.Ordinal);
    private bool readsAnyType;

    // What it says is stored, and read by who need not have the scope privacy: nothing sensitive is in it.
    public ProfileFields(
        FieldCatalog<Customer> catalog, DefinitionSet all, IEnumerable<SegmentDefinition> segments, RevenueOptions revenue,
        Func<Field, bool> readsCustomer)
    {
        var fields = catalog.All.Where(f => f.Kind != "customer" && !Left.Contains(f.Name)
            && !all.Sensitive.Includes(f.Name)).ToList();
        Values = [.. fields.Where(f => f is { Access: ScalarAccess, Type: FieldType.Text or FieldType.Boolean } && readsCustomer(f))];
        Sets = [.. fields.Where(f => f.Type == FieldType.Set)];
        Numbers = [.. fields.Where(f => f is { Access: ScalarAccess or OrderedAccess }
            and { Type: FieldType.Integer or FieldType.Decimal or FieldType.Date or FieldType.Instant } && readsCustomer(f))];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var segment in segments)
        {
            AddRead(all, segment, seen);
        }

        // What orders and refunds add up to follows from them.
        if (readsAnyType || revenue.OrderTypes.Concat(revenue.RefundTypes).Any(t => readTypes.Contains(CaseNormalizer.Normalize(t))))
        {
            read.UnionWith(Numbers.Where(f => f.Name.StartsWith("value.", StringComparison.Ordinal)).Select(f => ProfileKin.Find(f.Name)));
        }
    }

    /// <summary>Texts and booleans.</summary>
    public IReadOnlyList<Field> Values { get; }

    public IReadOnlyList<Field> Sets { get; }

    /// <summary>Numbers, dates and instants.</summary>
    public IReadOnlyList<Field> Numbers { get; }

    /// <summary>Whether the rule itself says something about it, or about what follows from it.</summary>
    public bool IsByDefinition(ProfileSubject subject) => subject.Event is { } type
        ? readsAnyType || readTypes.Contains(CaseNormalizer.Normalize(type))
        : read.Contains(ProfileKin.Find(subject.Field));

    // Segments that it refers to are parts of it.
    private void AddRead(DefinitionSet all, SegmentDefinition segment, HashSet<string> seen)
    {
        if (segment.Rule is not { } rule || !seen.Add(segment.Key))
        {
            return;
        }

        read.UnionWith(RuleReferences.Fields(rule).Select(ProfileKin.Find));
        if (all.FindErrors(segment.Key) is [])
        {
            foreach (var events in RuleReferences.Events(rule))
            {
                readsAnyType |= events.Types is null;
                readTypes.UnionWith(events.Types ?? Enumerable.Empty<string>());
            }
        }

        foreach (var key in RuleReferences.Segments(rule))
        {
            if (all.Segments.TryGetValue(key, out var inner))
            {
                AddRead(all, inner, seen);
            }
        }
    }

    /// <summary>A value as it is shown: of a text that is worked out, and so has no spelling of its own, as the field lists it.</summary>
    public static string Spell(Field field, string value) =>
        CaseNormalizer.Normalize(value) != value ? value
            : field.Values.FirstOrDefault(v => CaseNormalizer.Normalize(v) == value, value);

    /// <summary>The arrays of a set's elements, in SQL over the customer <c>c</c>: as they were sent, and as rules read them.</summary>
    /// <returns>Of an attribute its name besides, which that SQL calls <c>@profile_name</c>.</returns>
    public static (string Sent, string Folded, string? Name) ToSql(Field set)
    {
        const string attributes = "attributes.";
        if (set.Name.StartsWith(attributes, StringComparison.Ordinal))
        {
            return (Elements("c.attributes"), Elements("c.attributes_folded"), set.Name[attributes.Length..]);
        }

        var column = "c." + set.Name.Replace('.', '_');
        return (column, column + "_folded", null);

        static string Elements(string document) =>
            $"ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof({document} -> @profile_name) WHEN 'array' "
            + $"THEN {document} -> @profile_name ELSE '[]' END))";
    }
}
