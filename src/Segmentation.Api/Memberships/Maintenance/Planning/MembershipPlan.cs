using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Memberships;

/// <summary>All segments whose membership is stored, each after those that it refers to; and which of them a change can affect.</summary>
internal sealed class MembershipPlan
{
    private static readonly string[] EventColumns = [.. CustomerColumns.MadeBy(Maker.Events)];

    private static readonly string[] OrderColumns = [.. CustomerColumns.MadeBy(Maker.Orders)];
    private static readonly string[] RefundColumns = [.. CustomerColumns.MadeBy(Maker.Refunds)];
    private static readonly string[] FeedbackColumns = [.. CustomerColumns.MadeBy(Maker.Feedback)];

    // Writing a profile can change all but these.
    private static readonly IReadOnlySet<string> NotOfProfile = CustomerColumns.NotMadeBy(Maker.Profile | Maker.Creation | Maker.Write);

    private readonly RevenueOptions revenue;
    private readonly FeedbackOptions feedback;
    private readonly Dictionary<string, SegmentSet> byEventType = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SegmentSet> byMember = new(StringComparer.Ordinal);
    private readonly SegmentSet[] closures;

    /// <param name="previous">The plan before; segments that mean the same keep what was compiled of them.</param>
    public MembershipPlan(DefinitionSet definitions, RevenueOptions revenue, FeedbackOptions feedback, MembershipPlan? previous)
    {
        (Definitions, this.revenue, this.feedback) = (definitions, revenue, feedback);
        Segments = Order(definitions, previous);
        ById = Segments.ToDictionary(s => s.Segment.Id);

        // Whoever refers to a segment comes after it: from the end, each collects those that follow from it.
        closures = [.. Segments.Select(_ => new SegmentSet(Segments.Count))];
        foreach (var plan in Segments.Reverse())
        {
            closures[plan.Ordinal].Set(plan.Ordinal, true);
            foreach (var reference in plan.References.Where(k => definitions.Segments[k].Status == SegmentStatus.Active))
            {
                closures[ById[definitions.Segments[reference].Id].Ordinal].Add(closures[plan.Ordinal]);
            }
        }

        var referenced = Segments.SelectMany(s => s.References).Distinct(StringComparer.Ordinal).Select(k => definitions.Segments[k]);
        Referenced = [.. referenced.Where(definitions.IsStored).Select(s => ById[s.Id].Ordinal)];
        Everything = WithFollowing(_ => true);
        Clock = WithFollowing(s => s.ReadsClock);
        Rank = WithFollowing(s => s.NeedsRank);
        Scores = WithFollowing(s => s.ReadsScores);
        Profile = WithFollowing(s => s.MembersRead.Any(m => !NotOfProfile.Contains(m)));
    }

    public DefinitionSet Definitions { get; }

    public IReadOnlyList<SegmentPlan> Segments { get; }

    public Dictionary<int, SegmentPlan> ById { get; }

    /// <summary>The ordinals of the segments whose stored membership others read.</summary>
    public IReadOnlyList<int> Referenced { get; }

    /// <summary>All segments: a new customer may be in any.</summary>
    public SegmentSet Everything { get; }

    /// <summary>The segments that time can change, customer by customer.</summary>
    public SegmentSet Clock { get; }

    /// <summary>The segments that any customer's lifetime value can change.</summary>
    public SegmentSet Rank { get; }

    /// <summary>The segments that new thresholds of scores can change.</summary>
    public SegmentSet Scores { get; }

    /// <summary>The segments that writing a whole profile can change.</summary>
    public SegmentSet Profile { get; }

    /// <summary>The segments that an event of a type can change.</summary>
    public SegmentSet AffectedByEvent(string type)
    {
        if (!byEventType.TryGetValue(type, out var set))
        {
            var (order, refund) = (revenue.OrderTypes.Contains(type), revenue.RefundTypes.Contains(type));
            string[] members =
            [
                .. EventColumns, .. order ? OrderColumns : [], .. refund ? RefundColumns : [],
                .. feedback.EventTypes.Contains(type) ? FeedbackColumns : [],
            ];
            set = WithFollowing(
                s => members.Any(s.MembersRead.Contains) || (s.ReadsEvents && s.EventTypes?.Contains(type) != false));
            byEventType.Add(type, set);
        }

        return set;
    }

    /// <summary>Whether events of a type change lifetime values.</summary>
    public bool MovesRanks(string type) => revenue.OrderTypes.Contains(type) || revenue.RefundTypes.Contains(type);

    /// <summary>The segments that a change of one member of a customer can change, or of its events' sentiments
    /// (<see cref="RecentSentiment.OfEvents"/>).</summary>
    public SegmentSet AffectedByMember(string member)
    {
        if (!byMember.TryGetValue(member, out var set))
        {
            byMember.Add(member, set = WithFollowing(
                s => member == RecentSentiment.OfEvents ? s.ReadsSentiments : s.MembersRead.Contains(member)));
        }

        return set;
    }

    /// <summary>What these segments read of events; null for nothing.</summary>
    public EventsRead? EventsRead(SegmentSet segments)
    {
        var references = segments.Ordinals().Select(o => Segments[o]).Where(s => s.ReadsEvents).SelectMany(s => s.Events).ToList();
        if (references.Count == 0)
        {
            return null;
        }

        var withProperties = references.Where(e => e.Properties.Any()).ToList();
        return new EventsRead(
            Types(references),
            references.Any(e => e.Fields.Contains("channel")),
            references.Any(SegmentPlan.ReadsSentiment),
            Types(withProperties),
            withProperties.SelectMany(e => e.Properties).ToHashSet(StringComparer.Ordinal));

        static HashSet<string>? Types(List<EventReference> events) =>
            events.Any(e => e.Types is null) ? null : events.SelectMany(e => e.Types!).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>What these segments read of customers (<see cref="SegmentPlan.MembersRead"/>).</summary>
    public IReadOnlySet<string> MembersRead(SegmentSet segments) =>
        segments.Ordinals().SelectMany(o => Segments[o].MembersRead).ToHashSet(StringComparer.Ordinal);

    /// <summary>A segment, and those that refer to it, directly or not.</summary>
    public SegmentSet Following(SegmentPlan plan) => closures[plan.Ordinal];

    /// <summary>Whether thresholds of scores are others than in the plan before.</summary>
    public bool HasNewScores(MembershipPlan previous) => HasNewScores(Definitions, previous);

    private static bool HasNewScores(DefinitionSet definitions, MembershipPlan previous) =>
        !definitions.Rfm.Latest.AreSame(previous.Definitions.Rfm.Latest);

    private SegmentSet WithFollowing(Func<SegmentPlan, bool> affected)
    {
        var set = new SegmentSet(Segments.Count);
        foreach (var plan in Segments.Where(affected))
        {
            set.Add(closures[plan.Ordinal]);
        }

        return set;
    }

    private static List<SegmentPlan> Order(DefinitionSet definitions, MembershipPlan? previous)
    {
        var fingerprints = new SegmentFingerprints(definitions);
        var ordered = new List<SegmentPlan>();
        var visited = new HashSet<string>(StringComparer.Ordinal);
        foreach (var segment in definitions.Active)
        {
            Visit(segment);
        }

        return ordered;

        void Visit(SegmentDefinition segment)
        {
            if (!visited.Add(segment.Key))
            {
                return;
            }

            foreach (var reference in fingerprints.References(segment))
            {
                if (definitions.Segments[reference].Status == SegmentStatus.Active)
                {
                    Visit(definitions.Segments[reference]);
                }
            }

            var fingerprint = fingerprints.Compute(segment);
            var isSame = previous?.ById.GetValueOrDefault(segment.Id) is { } before && before.Fingerprint == fingerprint
                && !(before.ReadsScores && HasNewScores(definitions, previous));
            var plan = isSame
                ? previous!.ById[segment.Id]
                : new SegmentPlan(segment, fingerprint, definitions);
            (plan.Segment, plan.Ordinal) = (segment, ordered.Count);
            ordered.Add(plan);
        }
    }
}
