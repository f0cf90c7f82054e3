using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Memberships;

/// <summary>An active segment whose membership is stored: what its rule reads, and how a loaded customer is evaluated.</summary>
internal sealed class SegmentPlan
{
    // What of a customer is not in its own row.
    private static readonly IReadOnlySet<string> OtherTables = CustomerColumns.MadeBy(Maker.OtherRows);

    private readonly Lazy<Func<Customer, Evaluation, bool>> contains;
    private readonly Lazy<Func<Evaluation, Evaluation, Func<Customer, bool>>> mayTransition;
    private readonly CompiledRule<Customer>? rule;

    public SegmentPlan(SegmentDefinition segment, string fingerprint, DefinitionSet definitions)
    {
        (Segment, Fingerprint) = (segment, fingerprint);

        // Validity takes the rules of all segments that it refers to, though their members are read from stored membership.
        if (segment.Rule is { } tree && definitions.Compile(segment, historical: false).Rule is { IsValid: true } whole)
        {
            References = FindReferences(tree, definitions);
            rule = References.Any(k => definitions.IsStored(definitions.Segments[k]))
                ? definitions.Compile(segment, Backend.Memory, historical: false, stored: true)
                : whole;
            MembersRead = rule.MembersRead();
            (NeedsRank, ReadsEvents) = (MembersRead.Contains(nameof(Customer.Rank)), MembersRead.Contains(nameof(Customer.Events)));

            // The rules of references whose membership is not stored are part of this one.
            var included = References
                .Select(k => definitions.Segments[k])
                .Where(s => s.Kind == SegmentKind.Rule && !definitions.IsStored(s))
                .Select(s => s.Rule!.Value);
            Events = [.. included.Prepend(tree).SelectMany(RuleReferences.Events)];
            ReadsScores = included.Prepend(tree).Any(RfmGroups.AreRead);
            EventTypes = Events.Any(e => e.Types is null) ? null : Events.SelectMany(e => e.Types!).ToHashSet(StringComparer.Ordinal);
        }
        else if (segment.Kind == SegmentKind.Manual)
        {
            rule = definitions.Compile(segment, Backend.Memory, historical: false);
            MembersRead = rule.MembersRead();
        }

        contains = new(() => rule is null ? (_, _) => false : rule.ToFunc());
        mayTransition = new(() => rule!.ToTransitionFunc());
    }

    /// <summary>By the latest definitions; what is not part of the fingerprint may change.</summary>
    public SegmentDefinition Segment { get; set; }

    /// <summary>Equal for equal meaning: membership that was built for another one has to be rebuilt.</summary>
    public string Fingerprint { get; }

    /// <summary>Its position in <see cref="MembershipPlan.Segments"/>.</summary>
    public int Ordinal { get; set; }

    /// <summary>The keys of the segments that its rule reads (<see cref="FindReferences"/>).</summary>
    public IReadOnlyList<string> References { get; } = [];

    /// <summary>What of a customer the rule reads (<see cref="CompiledRule{T}.MembersRead"/>).</summary>
    public IReadOnlySet<string> MembersRead { get; } = new HashSet<string>();

    /// <summary>What its sub-queries read of events.</summary>
    public IReadOnlyList<EventReference> Events { get; } = [];

    /// <summary>The types of the only events that its sub-queries count; null for any.</summary>
    public IReadOnlySet<string>? EventTypes { get; } = new HashSet<string>();

    /// <summary>It reads a percentile: other customers' events change who is in it.</summary>
    public bool NeedsRank { get; }

    /// <summary>It reads scores whose thresholds are a part of the definitions.</summary>
    public bool ReadsScores { get; }

    public bool ReadsClock => rule is { ReadsClock: true };

    public bool ReadsLocalTime => rule is { ReadsLocalTime: true };

    /// <summary>It reads nothing but a customer's own row.</summary>
    public bool ReadsColumnsAlone => rule is not null && References.Count == 0 && !MembersRead.Overlaps(OtherTables);

    public bool ReadsEvents { get; }

    /// <summary>Its sub-queries read sentiments of events, or what those are from.</summary>
    public bool ReadsSentiments => Events.Any(ReadsSentiment);

    /// <summary>Whether a sub-query reads sentiments, or what those are from.</summary>
    public static bool ReadsSentiment(EventReference events) =>
        events.Fields.Contains("sentiment") || events.Fields.Contains("sentimentSource");

    public bool Contains(Customer customer, Evaluation at) => contains.Value(customer, at);

    /// <summary>Whether time may bring a customer in or out between two instants.</summary>
    public Func<Customer, bool> MayTransition(Evaluation from, Evaluation to) => mayTransition.Value(from, to);

    /// <summary>
    /// Whether no change of clocks shifts the rule's bounds between two instants (<see cref="CompiledRule{T}.IsRegular"/>).
    /// </summary>
    public bool IsRegular(DateTimeOffset from, DateTimeOffset to) => rule!.IsRegular(from, to, Segment.TimeZone);

    /// <summary>The rule in PostgreSQL: its members at an instant.</summary>
    /// <param name="customer">The only customer to evaluate: no other's events are read.</param>
    public Expression<Func<Customer, bool>> Members(
        DefinitionSet definitions, DateTimeOffset at, SegmentationDb db, long? customer = null) =>
        rule is null ? _ => false
        : CompileForSql(definitions).ToQuery(new Evaluation(at, Segment.TimeZone), rows => SegmentQuery.Source(db, rows, customer));

    /// <summary>The rule in PostgreSQL: the customers that time may bring in or out between two instants.</summary>
    /// <returns>A predicate over customers' rows, and queries for the keys of further customers.</returns>
    public (Expression<Func<Customer, bool>>? Predicate, IReadOnlyList<Expression> Keys) Transitions(
        DefinitionSet definitions, DateTimeOffset from, DateTimeOffset to, SegmentationDb db) =>
        CompileForSql(definitions).ToTransitionQueries(
            new Evaluation(from, Segment.TimeZone), new Evaluation(to, Segment.TimeZone), db.Rows);

    /// <summary>
    /// The keys of the segments that a valid rule names; and, of those whose membership is not stored, what their rules name in turn.
    /// </summary>
    public static IReadOnlyList<string> FindReferences(JsonElement rule, DefinitionSet definitions)
    {
        List<string> found = [];
        Add(rule);
        return found;

        void Add(JsonElement tree)
        {
            foreach (var key in RuleReferences.Segments(tree))
            {
                if (found.Contains(key))
                {
                    continue;
                }

                found.Add(key);
                if (!definitions.IsStored(definitions.Segments[key]) && definitions.Segments[key].Rule is { } inner)
                {
                    Add(inner);
                }
            }
        }
    }

    private CompiledRule<Customer> CompileForSql(DefinitionSet definitions) =>
        definitions.Compile(Segment, Backend.Sql, historical: false, stored: true);
}
