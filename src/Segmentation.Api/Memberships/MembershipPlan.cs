using System.Linq.Expressions;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>An active segment whose membership is stored: what its rule reads, and how a loaded customer is put to it.</summary>
internal sealed class SegmentPlan
{
    private static readonly string[] OfOthers = [nameof(Customer.Events), nameof(Customer.Rank), nameof(Customer.MemberOf), nameof(Customer.ManualMemberships)];

    private readonly Lazy<Func<Customer, Evaluation, bool>> contains;
    private readonly Lazy<Func<Evaluation, Evaluation, Func<Customer, bool>>> flips;
    private readonly CompiledRule<Customer>? rule;

    public SegmentPlan(SegmentDefinition segment, string fingerprint, Definitions all)
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
        flips = new(() => rule!.ToFlipsFunc());
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
    public Expression<Func<Customer, bool>> Members(Definitions all, DateTimeOffset at, SegmentationDb db) =>
        Segment.Kind == SegmentKind.Manual ? c => c.ManualMemberships.Any(m => m.SegmentId == Segment.Id)
        : rule is null ? _ => false
        : InSql(all).ToQuery(new Evaluation(at, Segment.TimeZone), db.Rows);

    /// <summary>The rule over PostgreSQL: whom time may bring in or out between two instants.</summary>
    public (Expression<Func<Customer, bool>>? OfCustomers, IReadOnlyList<Expression> Keys) Flips(Definitions all, DateTimeOffset from, DateTimeOffset to, SegmentationDb db) =>
        InSql(all).ToFlipsQueries(new Evaluation(from, Segment.TimeZone), new Evaluation(to, Segment.TimeZone), db.Rows);

    /// <summary>The keys of the segments that a valid rule names; and, of those whose membership is not stored, what their rules name in turn.</summary>
    public static IReadOnlyList<string> Reached(JsonElement rule, Definitions all)
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

    private CompiledRule<Customer> InSql(Definitions all) => all.Compile(Segment.Rule!.Value, Backend.Sql, historical: false, Segment.Key, kept: true);
}

/// <summary>All segments whose membership is stored, each after those that it refers to; and which of them a change can concern.</summary>
internal sealed class MembershipPlan
{
    private static readonly string[] MadeByEvents =
    [
        nameof(Customer.EventCount), nameof(Customer.FirstEventAt), nameof(Customer.LastEventAt), nameof(Customer.FirstSeenAt), nameof(Customer.LastSeenAt),
    ];

    private static readonly string[] MadeByOrders = [nameof(Customer.OrderCount), nameof(Customer.OrderAmount), nameof(Customer.LifetimeValue), nameof(Customer.FirstOrderAt), nameof(Customer.LastOrderAt)];

    // A profile that is written can change all but these.
    private static readonly HashSet<string> OfEventsAlone = [nameof(Customer.Events), nameof(Customer.EventCount), nameof(Customer.FirstEventAt), nameof(Customer.LastEventAt), .. MadeByOrders, nameof(Customer.Key), nameof(Customer.Rank), nameof(Customer.ManualMemberships), nameof(Customer.MemberOf)];

    private readonly RevenueOptions revenue;
    private readonly Dictionary<string, SegmentSet> byType = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SegmentSet> byMember = new(StringComparer.Ordinal);
    private readonly SegmentSet[] closures;

    public MembershipPlan(Definitions all, RevenueOptions revenue, MembershipPlan? before)
    {
        (All, this.revenue) = (all, revenue);
        var fingerprints = new Dictionary<string, string>(StringComparer.Ordinal);
        var ordered = new List<SegmentPlan>();
        var placed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var segment in all.Active)
        {
            Place(segment);
        }

        Segments = ordered;
        ById = ordered.ToDictionary(s => s.Segment.Id);

        // Whoever refers to a segment comes after it: from the end, each gathers what follows from it.
        closures = [.. ordered.Select(_ => new SegmentSet(ordered.Count))];
        foreach (var plan in ordered.AsEnumerable().Reverse())
        {
            closures[plan.Place].Set(plan.Place, true);
            foreach (var reference in plan.References.Where(k => all.Segments[k].Status == SegmentStatus.Active))
            {
                closures[ById[all.Segments[reference].Id].Place].Add(closures[plan.Place]);
            }
        }

        Referred = [.. ordered.SelectMany(s => s.References).Distinct(StringComparer.Ordinal).Select(k => all.Segments[k]).Where(all.IsKept).Select(s => ById[s.Id].Place)];
        Everything = Closed(_ => true);
        Clock = Closed(s => s.ReadsClock);
        Rank = Closed(s => s.NeedsRank);
        Profile = Closed(s => s.MembersRead.Any(m => !OfEventsAlone.Contains(m)));

        void Place(SegmentDefinition segment)
        {
            if (!placed.Add(segment.Key))
            {
                return;
            }

            foreach (var reference in Named(segment))
            {
                if (all.Segments[reference].Status == SegmentStatus.Active)
                {
                    Place(all.Segments[reference]);
                }
            }

            var fingerprint = Fingerprint(segment);
            var plan = before is not null && before.ById.TryGetValue(segment.Id, out var known) && known.Fingerprint == fingerprint ? known : new SegmentPlan(segment, fingerprint, all);
            (plan.Segment, plan.Place) = (segment, ordered.Count);
            ordered.Add(plan);
        }

        IEnumerable<string> Named(SegmentDefinition segment) =>
            segment.Rule is { } rule && all.Compile(segment, historical: false).Rule is { IsValid: true } ? SegmentPlan.Reached(rule, all) : [];

        string Fingerprint(SegmentDefinition segment)
        {
            if (fingerprints.TryGetValue(segment.Key, out var known))
            {
                return known;
            }

            var text = new StringBuilder().Append(segment.Kind).Append('\n').Append(segment.TimeZone).Append('\n').Append(segment.Rule?.GetRawText());
            if (segment.Rule is { } rule)
            {
                var attributes = RuleReferences.Fields(rule).Where(f => f.StartsWith("attributes.", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);
                foreach (var attribute in all.Attributes.Where(a => attributes.Contains($"attributes.{a.Name}")))
                {
                    text.Append('\n').Append(attribute.Name).Append(' ').Append(attribute.Type);
                }

                foreach (var reference in Named(segment))
                {
                    text.Append('\n').Append(reference).Append(' ').Append(all.IsKept(all.Segments[reference])).Append(' ').Append(Fingerprint(all.Segments[reference]));
                }
            }

            return fingerprints[segment.Key] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
        }
    }

    public Definitions All { get; }

    public IReadOnlyList<SegmentPlan> Segments { get; }

    public Dictionary<int, SegmentPlan> ById { get; }

    /// <summary>The places of those whose stored membership others read.</summary>
    public IReadOnlyList<int> Referred { get; }

    /// <summary>What a new customer may be in.</summary>
    public SegmentSet Everything { get; }

    /// <summary>What time can change, customer by customer.</summary>
    public SegmentSet Clock { get; }

    /// <summary>What any customer's lifetime value can change.</summary>
    public SegmentSet Rank { get; }

    /// <summary>What a write of the whole profile can change.</summary>
    public SegmentSet Profile { get; }

    /// <summary>What an event of that type can change.</summary>
    public SegmentSet OfEvent(string type)
    {
        if (!byType.TryGetValue(type, out var set))
        {
            var (order, refund) = (revenue.OrderTypes.Contains(type), revenue.RefundTypes.Contains(type));
            string[] members = [.. MadeByEvents, .. order ? MadeByOrders : [], .. refund ? [nameof(Customer.LifetimeValue)] : Array.Empty<string>()];
            set = Closed(s => members.Any(s.MembersRead.Contains) || (s.ReadsEvents && s.EventTypes?.Contains(type) != false));
            byType.Add(type, set);
        }

        return set;
    }

    /// <summary>Whether events of that type change lifetime values.</summary>
    public bool MovesRanks(string type) => revenue.OrderTypes.Contains(type) || revenue.RefundTypes.Contains(type);

    /// <summary>What a change of one member of a customer can change.</summary>
    public SegmentSet OfMember(string member)
    {
        if (!byMember.TryGetValue(member, out var set))
        {
            byMember.Add(member, set = Closed(s => s.MembersRead.Contains(member)));
        }

        return set;
    }

    /// <summary>What these segments read of events; null for nothing.</summary>
    public EventsRead? EventsRead(SegmentSet segments)
    {
        var reading = segments.Places().Select(p => Segments[p]).Where(s => s.ReadsEvents).SelectMany(s => s.Events).ToList();
        var carried = reading.Where(e => e.Properties.Any()).ToList();
        return reading.Count == 0 ? null
            : new EventsRead(Types(reading), reading.Any(e => e.Fields.Contains("channel")), Types(carried), carried.SelectMany(e => e.Properties).ToHashSet(StringComparer.Ordinal));

        static HashSet<string>? Types(List<EventReference> events) => events.Any(e => e.Types is null) ? null : events.SelectMany(e => e.Types!).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>What these segments read of customers (<see cref="SegmentPlan.MembersRead"/>).</summary>
    public IReadOnlySet<string> MembersRead(SegmentSet segments) => segments.Places().SelectMany(p => Segments[p].MembersRead).ToHashSet(StringComparer.Ordinal);

    /// <summary>A segment, and those that refer to it, directly or not.</summary>
    public SegmentSet Following(SegmentPlan plan) => closures[plan.Place];

    private SegmentSet Closed(Func<SegmentPlan, bool> concerned)
    {
        var set = new SegmentSet(Segments.Count);
        foreach (var plan in Segments.Where(concerned))
        {
            set.Add(closures[plan.Place]);
        }

        return set;
    }
}

/// <summary>Some of a plan's segments, by place.</summary>
internal sealed class SegmentSet(int segments)
{
    private readonly ulong[] bits = new ulong[Words(segments)];

    /// <param name="bits">As another set's were copied.</param>
    public SegmentSet(int segments, ReadOnlySpan<ulong> bits)
        : this(segments) => bits.CopyTo(this.bits);

    public bool IsEmpty => !bits.AsSpan().ContainsAnyExcept(0UL);

    public int Count => bits.Sum(b => BitOperations.PopCount(b));

    /// <summary>How many words of 64 bits hold as many segments.</summary>
    public static int Words(int segments) => (segments / 64) + 1;

    public static void Set(Span<ulong> bits, int place, bool contained) => bits[place / 64] = (bits[place / 64] & ~(1UL << (place % 64))) | ((contained ? 1UL : 0) << (place % 64));

    public void Set(int place, bool contained) => Set(bits, place, contained);

    public void CopyTo(Span<ulong> copy) => bits.CopyTo(copy);

    public void Add(SegmentSet others)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            bits[i] |= others.bits[i];
        }
    }

    public bool Contains(int place) => (bits[place / 64] >> (place % 64) & 1) != 0;

    /// <summary>The places, rising.</summary>
    public IEnumerable<int> Places()
    {
        for (var i = 0; i < bits.Length; i++)
        {
            for (var rest = bits[i]; rest != 0; rest &= rest - 1)
            {
                yield return (64 * i) + BitOperations.TrailingZeroCount(rest);
            }
        }
    }

    /// <summary>Sets a bit at each of the places: done for each customer that is looked at.</summary>
    public void Mark(ulong[] byPlace, ulong bit)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            for (var rest = bits[i]; rest != 0; rest &= rest - 1)
            {
                byPlace[(64 * i) + BitOperations.TrailingZeroCount(rest)] |= bit;
            }
        }
    }
}
