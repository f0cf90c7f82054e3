using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>
/// All segments and attributes as of one version of the definitions, and what has been compiled from them. Immutable but for that.
/// </summary>
public sealed class DefinitionSet
{
    /// <summary>What fields of consents begin with.</summary>
    internal const string ConsentPrefix = "consent.";

    private readonly CustomerFields fields;
    private readonly RuleLimits limits;
    private readonly ConcurrentDictionary<(Backend, bool), FieldCatalog<Customer>> catalogs = new();
    private readonly ConcurrentDictionary<(string Key, bool Historical), CompiledSegment> compiled = new();
    private readonly ConcurrentDictionary<bool, IReadOnlyList<CompiledSegment>> active = new();
    private readonly ConcurrentDictionary<(string Purpose, bool Historical), Func<Customer, Evaluation, bool>> consents = new();
    private readonly Dictionary<int, int> ordinals;
    private readonly ConcurrentDictionary<string, Func<Customer, Evaluation, bool>> ungated = new(StringComparer.Ordinal);
    private readonly Lazy<ILookup<string, string>> referrers;
    private readonly Lazy<HashSet<int>> gated;

    internal DefinitionSet(
        long version,
        IEnumerable<SegmentDefinition> segments,
        IReadOnlyList<CustomerAttribute> attributes,
        CustomerFields fields,
        RuleLimits limits,
        DefinitionSet? before,
        RfmHistory? rfm = null,
        IReadOnlyList<PropensityName>? propensities = null,
        IReadOnlyDictionary<string, int>? expiries = null)
    {
        ConsentExpiries = expiries ?? new Dictionary<string, int>();
        Propensities = propensities ?? [];
        Rfm = rfm ?? RfmHistory.None;
        this.fields = fields;
        this.limits = limits;
        Version = version;
        Attributes = attributes;
        Sensitive = new SensitiveFields(fields.SensitiveNames, attributes, propensities?.Select(p => (p.Key, p.Fields)));
        Segments = segments.ToDictionary(s => s.Key, StringComparer.Ordinal);
        Active = [.. Segments.Values.Where(s => s.Status == SegmentStatus.Active).OrderBy(s => s.Key, StringComparer.Ordinal)];
        referrers = new(() => Segments.Values.Where(s => s.Rule is not null)
            .SelectMany(s => RuleReferences.Segments(s.Rule!.Value).Distinct(StringComparer.Ordinal).Select(r => (Reference: r, s.Key)))
            .Where(r => r.Reference != r.Key)
            .ToLookup(r => r.Reference, r => r.Key, StringComparer.Ordinal));
        gated = new(() => [.. FindAffected(Segments.Values.Where(s => s.RequiresConsent is { Length: > 0 }).Select(s => s.Key))]);
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

    /// <summary>The fields whose values need the scope <c>privacy</c>.</summary>
    public SensitiveFields Sensitive { get; }

    /// <summary>The models of propensity, by key.</summary>
    public IReadOnlyList<PropensityName> Propensities { get; }

    /// <summary>After how many days a consent expires, of the purposes of which it does.</summary>
    public IReadOnlyDictionary<string, int> ConsentExpiries { get; }

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
        catalogs.GetOrAdd((backend, historical), k => fields.Catalog(k.Item1, k.Item2, Attributes, Rfm, Propensities, ConsentExpiries));

    /// <summary>Compiles a rule against these definitions. Who is restricted matches none.</summary>
    /// <param name="self">The key of the segment whose rule it is, so that a cycle through it is found.</param>
    /// <param name="requiresConsent">The purposes that whoever matches has consented to; null for none.</param>
    /// <param name="stored">Whether segments that it refers to are read from stored membership, where there is one;
    /// else their rules become part of it.</param>
    /// <param name="gated">Whether segments that it refers to require the consents that they do.</param>
    public CompiledRule<Customer> Compile(
        JsonElement rule, Backend backend, bool historical, string? self = null, bool stored = false, string[]? requiresConsent = null,
        bool gated = true) =>
        new RuleCompiler<Customer>(Catalog(backend, historical), limits, key => Reference(key, historical, stored, gated))
            .Compile(rule, self, Gate(requiresConsent, historical));

    /// <summary>Compiles who is in a segment, by its rule or by hand, with the consents that it requires.</summary>
    /// <param name="stored">As above.</param>
    public CompiledRule<Customer> Compile(SegmentDefinition segment, Backend backend, bool historical, bool stored = false) =>
        segment.Rule is { } rule
            ? Compile(rule, backend, historical, segment.Key, stored, segment.RequiresConsent)
            : Compile(ByHand(segment.Key), backend, historical, self: null, stored, segment.RequiresConsent);

    /// <summary>Whether a customer has consented to a purpose, at an instant.</summary>
    /// <param name="historical">Whether that may be in the past: its records up to then decide.</param>
    internal bool HasConsent(string purpose, Customer customer, Evaluation at, bool historical = false) =>
        consents.GetOrAdd((purpose, historical), k => SegmentGate.Consents([k.Purpose], k.Historical, ConsentExpiries)!.Compile())
            .Invoke(customer, at);

    /// <summary>Whether a segment, or one that its rule refers to, directly or not, requires a consent.</summary>
    internal bool RequiresConsent(SegmentDefinition segment) => gated.Value.Contains(segment.Id);

    /// <summary>Whether it is for want of a consent that a customer is not in a segment: one that the segment requires, or one that another
    /// requires, which the rule refers to.</summary>
    internal bool LacksConsent(SegmentDefinition segment, Customer customer, Evaluation at) =>
        RequiresConsent(segment) && (segment.RequiresConsent?.All(p => HasConsent(p, customer, at)) == false
            || (segment.Rule is { } rule && !IsSelfContained(segment)
                && ungated.GetOrAdd(segment.Key, _ => CompileUngated(rule, segment.Key)).Invoke(customer, at)));

    /// <summary>Which of the consents that a segment requires a customer has granted, at an instant; null where it requires none.</summary>
    internal ConsentExplanation? ExplainConsents(
        SegmentDefinition segment, bool historical, Customer customer, Evaluation at, bool showActual)
    {
        if (segment.RequiresConsent is not { Length: > 0 } purposes)
        {
            return null;
        }

        var granted = purposes.ToDictionary(p => p, p => HasConsent(p, customer, at, historical), StringComparer.Ordinal);
        return new ConsentExplanation(purposes, granted.Values.All(g => g), showActual ? granted : null);
    }

    /// <summary>Who has consented to a purpose, as a query's predicate.</summary>
    internal Expression<Func<Customer, bool>> CreateConsentPredicate(string purpose, DateTimeOffset at, Func<Type, IQueryable> source)
    {
        var granted = SegmentGate.Consents([purpose], historical: false, ConsentExpiries)!;
        var (c, x) = (granted.Parameters[0], granted.Parameters[1]);
        return Expression.Lambda<Func<Customer, bool>>(
            new QueryBinder(x, new Evaluation(at, TimeZones.Default), source).Visit(granted.Body), c);
    }

    /// <summary>Who is in a segment, as a query's predicate. A segment that can't be evaluated matches nobody.</summary>
    /// <param name="source">The rows of a type that rules read: events, memberships.</param>
    /// <param name="stored">Whether segments that it refers to are read from stored membership, where there is one.</param>
    public Expression<Func<Customer, bool>> CreatePredicate(
        SegmentDefinition segment, DateTimeOffset at, bool historical, Func<Type, IQueryable> source, bool stored = false)
    {
        var rule = Compile(segment, Backend.Sql, historical, stored);
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
    public IEnumerable<string> FindFieldUsers(string field) => Segments.Values
        .Where(s => (s.Rule is { } rule && RuleReferences.Fields(rule).Contains(field))
            || s.RequiresConsent?.Any(p => $"{ConsentPrefix}{p}" == field) == true)
        .Select(s => s.Key);

    /// <summary>The purposes of consent that a segment requires or that its rule names, in order.</summary>
    internal static IEnumerable<string> FindPurposes(SegmentDefinition segment)
    {
        var fields = segment.Rule is { } rule ? RuleReferences.Fields(rule) : [];
        return fields.Where(f => f.StartsWith(ConsentPrefix, StringComparison.Ordinal)).Select(f => f[ConsentPrefix.Length..])
            .Concat(segment.RequiresConsent ?? []).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
    }

    /// <summary>Whether a rule reads what is sensitive, itself or through the segments that it refers to.</summary>
    public bool ReadsSensitive(JsonElement? rule) =>
        !Sensitive.IsEmpty && ReadsSensitive(rule, new HashSet<string>(StringComparer.Ordinal));

    /// <summary>Whether whom a rule matches depends on when it is asked; true as well of one that can't be interpreted.</summary>
    internal bool ReadsClock(JsonElement rule) =>
        Compile(rule, Backend.Sql, historical: false) is not { IsValid: true, ReadsClock: false, ReadsLocalTime: false };

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

    private Func<Customer, Evaluation, bool> CompileUngated(JsonElement rule, string self) =>
        Compile(rule, Backend.Memory, historical: false, self, gated: false) is { IsValid: true } compiled
            ? compiled.ToFunc()
            : (_, _) => false;

    private Expression<Func<Customer, Evaluation, bool>> Gate(string[]? requiresConsent, bool historical) =>
        SegmentGate.Consents(requiresConsent ?? [], historical, ConsentExpiries) is { } consents
            ? SegmentGate.And([SegmentGate.Unrestricted, consents])
            : SegmentGate.Unrestricted;

    // A list that was made by hand, as a rule.
    private static JsonElement ByHand(string key) => JsonSerializer.SerializeToElement(
        new { combinator = "and", rules = new[] { new { field = "segment", @operator = "in", value = new[] { key } } } });

    private bool ReadsSensitive(JsonElement? rule, HashSet<string> seen) => rule is { } known && (Sensitive.AreRead(known)
        || RuleReferences.Segments(known).Where(seen.Add).Any(k => ReadsSensitive(Segments.GetValueOrDefault(k)?.Rule, seen)));

    private SegmentReference? Reference(string key, bool historical, bool stored, bool gated)
    {
        if (!Segments.TryGetValue(key, out var segment))
        {
            return null;
        }

        int? manual = segment.Kind == SegmentKind.Manual ? segment.Id : null;
        int? readAs = stored && IsStored(segment) ? segment.Id : null;
        var consents = gated ? SegmentGate.Consents(segment.RequiresConsent ?? [], historical, ConsentExpiries) : null;
        return new SegmentReference(segment.Key, segment.Rule, segment.TimeZone, manual, readAs, consents);
    }

    private bool HasSameFields(DefinitionSet other) =>
        other.Attributes.Select(a => (a.Name, a.Type)).SequenceEqual(Attributes.Select(a => (a.Name, a.Type)))
        && other.Propensities.Select(p => p.Key).SequenceEqual(Propensities.Select(p => p.Key))
        && other.ConsentExpiries.Count == ConsentExpiries.Count && !other.ConsentExpiries.Except(ConsentExpiries).Any();

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
