using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>
/// All segments and attributes as of one version of the definitions, and what has been compiled from them. Immutable but for that.
/// </summary>
public sealed class DefinitionSet
{
    private readonly CustomerFields fields;
    private readonly RuleLimits limits;
    private readonly ConcurrentDictionary<(Backend, bool), FieldCatalog<Customer>> catalogs = new();
    private readonly ConcurrentDictionary<(string Key, bool Historical), CompiledSegment> compiled = new();
    private readonly ConcurrentDictionary<bool, IReadOnlyList<CompiledSegment>> active = new();
    private readonly Dictionary<int, int> ordinals;
    private readonly Lazy<ILookup<string, string>> referrers;

    internal DefinitionSet(
        long version,
        IEnumerable<SegmentDefinition> segments,
        IReadOnlyList<CustomerAttribute> attributes,
        CustomerFields fields,
        RuleLimits limits,
        DefinitionSet? before,
        RfmHistory? rfm = null,
        IReadOnlyList<PropensityName>? propensities = null)
    {
        Propensities = propensities ?? [];
        Rfm = rfm ?? RfmHistory.None;
        this.fields = fields;
        this.limits = limits;
        Version = version;
        Attributes = attributes;
        Segments = segments.ToDictionary(s => s.Key, StringComparer.Ordinal);
        Active = [.. Segments.Values.Where(s => s.Status == SegmentStatus.Active).OrderBy(s => s.Key, StringComparer.Ordinal)];
        referrers = new(() => Segments.Values.Where(s => s.Rule is not null)
            .SelectMany(s => RuleReferences.Segments(s.Rule!.Value).Distinct(StringComparer.Ordinal).Select(r => (Reference: r, s.Key)))
            .Where(r => r.Reference != r.Key)
            .ToLookup(r => r.Reference, r => r.Key, StringComparer.Ordinal));
        ordinals = Active.Index().ToDictionary(a => a.Item.Id, a => a.Index);
        if (before is not null && HasSameFields(before))
        {
            ReuseCompiled(before);
        }
    }

    /// <summary>The database's version of the definitions.</summary>
    public long Version { get; }

    public IReadOnlyDictionary<string, SegmentDefinition> Segments { get; }

    /// <summary>By name.</summary>
    public IReadOnlyList<CustomerAttribute> Attributes { get; }

    /// <summary>The models of propensity, by key.</summary>
    public IReadOnlyList<PropensityName> Propensities { get; }

    /// <summary>What RFM scores are by.</summary>
    public RfmHistory Rfm { get; }

    /// <summary>The active segments, by key.</summary>
    public IReadOnlyList<SegmentDefinition> Active { get; }

    /// <summary>A segment by its key.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public SegmentDefinition Find(string key) => Segments.TryGetValue(key, out var segment) ? segment : throw SegmentLookup.NotFound();

    /// <summary>Those of <see cref="Active"/> that have these ids, in the same order.</summary>
    public IReadOnlyList<SegmentDefinition> SelectActive(int[] ids)
    {
        var found = Array.ConvertAll(Array.FindAll(ids, ordinals.ContainsKey), id => ordinals[id]);
        Array.Sort(found);
        return Array.ConvertAll(found, ordinal => Active[ordinal]);
    }

    public FieldCatalog<Customer> Catalog(Backend backend, bool historical) =>
        catalogs.GetOrAdd((backend, historical), k => fields.Catalog(k.Item1, k.Item2, Attributes, Rfm, Propensities));

    /// <summary>Compiles a rule against these definitions.</summary>
    /// <param name="self">The key of the segment whose rule it is, so that a cycle through it is found.</param>
    /// <param name="stored">Whether segments that it refers to are read from stored membership, where there is one;
    /// else their rules become part of it.</param>
    public CompiledRule<Customer> Compile(JsonElement rule, Backend backend, bool historical, string? self = null, bool stored = false) =>
        new RuleCompiler<Customer>(Catalog(backend, historical), limits, key => Reference(key, stored)).Compile(rule, self);

    /// <summary>Who is in a segment, as a query's predicate. A segment that can't be evaluated matches nobody.</summary>
    /// <param name="source">The rows of a type that rules read: events, memberships.</param>
    /// <param name="stored">Whether segments that it refers to are read from stored membership, where there is one.</param>
    public Expression<Func<Customer, bool>> CreatePredicate(
        SegmentDefinition segment, DateTimeOffset at, bool historical, Func<Type, IQueryable> source, bool stored = false)
    {
        if (segment.Kind == SegmentKind.Manual)
        {
            return c => c.ManualMemberships.Any(m => m.SegmentId == segment.Id);
        }

        var rule = Compile(segment.Rule!.Value, Backend.Sql, historical, segment.Key, stored);
        return rule.IsValid ? rule.ToQuery(new Evaluation(at, segment.TimeZone), source) : _ => false;
    }

    /// <summary>A segment's membership as a function of a loaded customer; compiled once.</summary>
    public CompiledSegment Compile(SegmentDefinition segment, bool historical) =>
        compiled.GetOrAdd((segment.Key, historical), _ => new CompiledSegment(segment, this, historical));

    /// <summary><see cref="Active"/>, compiled, in the same order.</summary>
    public IReadOnlyList<CompiledSegment> CompileActive(bool historical) =>
        active.GetOrAdd(historical, h => [.. Active.Select(s => Compile(s, h))]);

    /// <summary>
    /// Why a segment's rule can't be evaluated; none for a valid rule, and for a segment that is not among these definitions.
    /// </summary>
    public IReadOnlyList<RuleError> FindErrors(string key) =>
        Segments.TryGetValue(key, out var segment) ? Compile(segment, historical: false).Errors : [];

    /// <summary>The keys of the segments whose rules refer to this one, in order.</summary>
    public IReadOnlyList<string> FindReferrers(string key) => [.. referrers.Value[key].Order(StringComparer.Ordinal)];

    /// <summary>The keys of the segments whose rules use this field.</summary>
    public IEnumerable<string> FindFieldUsers(string field) =>
        FindByRule(s => RuleReferences.Fields(s.Rule!.Value).Contains(field));

    /// <summary>Ids of these segments and of all whose rules refer to them, directly or not.</summary>
    public int[] FindAffected(IEnumerable<string> keys)
    {
        var all = keys.ToHashSet(StringComparer.Ordinal);
        for (var next = new Queue<string>(all); next.TryDequeue(out var key);)
        {
            foreach (var referrer in referrers.Value[key].Where(all.Add))
            {
                next.Enqueue(referrer);
            }
        }

        return [.. all.Where(Segments.ContainsKey).Select(k => Segments[k].Id)];
    }

    /// <summary>
    /// Whether a segment's membership is stored: that of every active one with a rule. (Manual ones have a list of their own.)
    /// </summary>
    public bool IsStored(SegmentDefinition segment) => segment is { Status: SegmentStatus.Active, Kind: SegmentKind.Rule };

    private IEnumerable<string> FindByRule(Func<SegmentDefinition, bool> condition) =>
        Segments.Values.Where(s => s.Rule is not null && condition(s)).Select(s => s.Key);

    private SegmentReference? Reference(string key, bool stored)
    {
        if (!Segments.TryGetValue(key, out var segment))
        {
            return null;
        }

        int? manual = segment.Kind == SegmentKind.Manual ? segment.Id : null;
        int? readAs = stored && IsStored(segment) ? segment.Id : null;
        return new SegmentReference(segment.Key, segment.Rule, segment.TimeZone, manual, readAs);
    }

    private bool HasSameFields(DefinitionSet other) =>
        other.Attributes.Select(a => (a.Name, a.Type)).SequenceEqual(Attributes.Select(a => (a.Name, a.Type)))
        && other.Propensities.Select(p => p.Key).SequenceEqual(Propensities.Select(p => p.Key));

    // A rule whose meaning no other definition can change keeps its function: compiling a thousand takes a second.
    private void ReuseCompiled(DefinitionSet before)
    {
        foreach (var (key, function) in before.compiled)
        {
            if (Segments.TryGetValue(key.Key, out var segment) && IsSelfContained(segment) && IsSame(segment, before.Segments[key.Key])
                && (Rfm.Latest.Id == before.Rfm.Latest.Id || !RfmGroups.AreRead(segment.Rule!.Value)))
            {
                compiled.TryAdd(key, function);
            }
        }
    }

    private static bool IsSelfContained(SegmentDefinition segment) =>
        segment.Kind == SegmentKind.Rule && !RuleReferences.Segments(segment.Rule!.Value).Any();

    private static bool IsSame(SegmentDefinition segment, SegmentDefinition other) =>
        segment.Id == other.Id && segment.Version == other.Version;
}
