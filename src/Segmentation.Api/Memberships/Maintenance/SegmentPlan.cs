using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Memberships;

/// <summary>An active segment whose membership is stored: what its rule reads, and how a loaded customer is put to it.</summary>
internal sealed class SegmentPlan
{
    private static readonly IReadOnlySet<string> OfOthers = CustomerColumns.MadeBy(Maker.OtherRows);

    private readonly Lazy<Func<Customer, Evaluation, bool>> contains;
    private readonly Lazy<Func<Evaluation, Evaluation, Func<Customer, bool>>> flips;
    private readonly CompiledRule<Customer>? rule;

    public SegmentPlan(SegmentDefinition segment, string fingerprint, DefinitionSet all)
    {
        (Segment, Fingerprint) = (segment, fingerprint);

        // Valid with the rules of all that it refers to, though those are read from their stored membership.
        if (segment.Rule is { } tree && all.Compile(segment, historical: false).Rule is { IsValid: true } whole)
        {
            References = Reached(tree, all);
            rule = References.Any(k => all.IsKept(all.Segments[k])) ? all.Compile(tree, Backend.Memory, historical: false, segment.Key, kept: true) : whole;
            MembersRead = rule.MembersRead();
            (NeedsRank, ReadsEvents) = (MembersRead.Contains(nameof(Customer.Rank)), MembersRead.Contains(nameof(Customer.Events)));

            // Those that are not stored are part of it.
            var within = References.Select(k => all.Segments[k]).Where(s => s.Kind == SegmentKind.Rule && !all.IsKept(s)).Select(s => s.Rule!.Value);
            Events = [.. within.Prepend(tree).SelectMany(RuleReferences.Events)];
            EventTypes = Events.Any(e => e.Types is null) ? null : Events.SelectMany(e => e.Types!).ToHashSet(StringComparer.Ordinal);
        }
        else if (segment.Kind == SegmentKind.Manual)
        {
            MembersRead = new HashSet<string> { nameof(Customer.ManualMemberships) };
        }

        contains = new(() => segment.Kind == SegmentKind.Manual ? (c, _) => c.ManualMemberships.Any(m => m.SegmentId == segment.Id) : rule is null ? (_, _) => false : rule.ToFunc());
        flips = new(() => rule!.ToTransitionFunc());
    }

    /// <summary>Of the latest definitions; what has no part in the fingerprint may change.</summary>
    public SegmentDefinition Segment { get; set; }

    /// <summary>Equal for equal meaning: membership that was built from another one has to be built anew.</summary>
    public string Fingerprint { get; }

    /// <summary>Its place in <see cref="MembershipPlan.Segments"/>.</summary>
    public int Place { get; set; }

    /// <summary>The keys of the segments that its rule reads (<see cref="Reached"/>).</summary>
    public IReadOnlyList<string> References { get; } = [];

    /// <summary>What of a customer the rule reads (<see cref="CompiledRule{T}.MembersRead"/>).</summary>
    public IReadOnlySet<string> MembersRead { get; } = new HashSet<string>();

    /// <summary>What its sub-queries read of events.</summary>
    public IReadOnlyList<EventReference> Events { get; } = [];

    /// <summary>The types of the only events that its sub-queries count; null for any.</summary>
    public IReadOnlySet<string>? EventTypes { get; } = new HashSet<string>();

    /// <summary>It asks for a percentile: other customers' events change who is in it.</summary>
    public bool NeedsRank { get; }

    public bool ReadsClock => rule is { ReadsClock: true };

    public bool ReadsLocalTime => rule is { ReadsLocalTime: true };

    /// <summary>It asks for nothing but what stands in a customer's own row.</summary>
    public bool ReadsColumnsAlone => rule is not null && References.Count == 0 && !MembersRead.Overlaps(OfOthers);

    public bool ReadsEvents { get; }

    public bool Contains(Customer customer, Evaluation at) => contains.Value(customer, at);

    /// <summary>Whether time may bring a customer in or out between two instants.</summary>
    public Func<Customer, bool> Flips(Evaluation from, Evaluation to) => flips.Value(from, to);

    public bool IsRegular(DateTimeOffset from, DateTimeOffset to) => rule!.IsRegular(from, to, Segment.TimeZone);

    /// <summary>The rule over PostgreSQL: its members at an instant.</summary>
    public Expression<Func<Customer, bool>> Members(DefinitionSet all, DateTimeOffset at, SegmentationDb db) =>
        Segment.Kind == SegmentKind.Manual ? c => c.ManualMemberships.Any(m => m.SegmentId == Segment.Id)
        : rule is null ? _ => false
        : InSql(all).ToQuery(new Evaluation(at, Segment.TimeZone), db.Rows);

    /// <summary>The rule over PostgreSQL: whom time may bring in or out between two instants.</summary>
    public (Expression<Func<Customer, bool>>? OfCustomers, IReadOnlyList<Expression> Keys) Flips(DefinitionSet all, DateTimeOffset from, DateTimeOffset to, SegmentationDb db) =>
        InSql(all).ToTransitionQueries(new Evaluation(from, Segment.TimeZone), new Evaluation(to, Segment.TimeZone), db.Rows);

    /// <summary>The keys of the segments that a valid rule names; and, of those whose membership is not stored, what their rules name in turn.</summary>
    public static IReadOnlyList<string> Reached(JsonElement rule, DefinitionSet all)
    {
        List<string> reached = [];
        Add(rule);
        return reached;

        void Add(JsonElement tree)
        {
            foreach (var key in RuleReferences.Segments(tree))
            {
                if (reached.Contains(key))
                {
                    continue;
                }

                reached.Add(key);
                if (!all.IsKept(all.Segments[key]) && all.Segments[key].Rule is { } inside)
                {
                    Add(inside);
                }
            }
        }
    }

    private CompiledRule<Customer> InSql(DefinitionSet all) => all.Compile(Segment.Rule!.Value, Backend.Sql, historical: false, Segment.Key, kept: true);
}
