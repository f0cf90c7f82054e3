using System.Security.Cryptography;
using System.Text;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Memberships;

/// <summary>All segments whose membership is stored, each after those that it refers to; and which of them a change can concern.</summary>
internal sealed class MembershipPlan
{
    private static readonly string[] MadeByEvents = [.. CustomerColumns.MadeBy(Maker.Events)];
    private static readonly string[] MadeByOrders = [.. CustomerColumns.MadeBy(Maker.Orders)];
    private static readonly string[] MadeByRefunds = [.. CustomerColumns.MadeBy(Maker.Refunds)];

    // A profile that is written can change all but these.
    private static readonly IReadOnlySet<string> OfEventsAlone = CustomerColumns.NotMadeBy(Maker.Profile | Maker.Creation | Maker.Write);

    private readonly RevenueOptions revenue;
    private readonly Dictionary<string, SegmentSet> byType = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SegmentSet> byMember = new(StringComparer.Ordinal);
    private readonly SegmentSet[] closures;

    public MembershipPlan(DefinitionSet all, RevenueOptions revenue, MembershipPlan? before)
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

    public DefinitionSet All { get; }

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
            string[] members = [.. MadeByEvents, .. order ? MadeByOrders : [], .. refund ? MadeByRefunds : []];
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
