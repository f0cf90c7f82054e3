using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Attributes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules;

namespace Segmentation.Api.Segments;

/// <summary>A segment as evaluation needs it.</summary>
public sealed record SegmentDefinition(int Id, string Key, string Name, SegmentKind Kind, SegmentStatus Status, JsonElement? Rule, string TimeZone, int Version);

/// <summary>All segments and attributes as they stood at one stamp, and what has been compiled of them. Immutable but for that.</summary>
public sealed class Definitions
{
    private readonly CustomerFields fields;
    private readonly RuleLimits limits;
    private readonly ConcurrentDictionary<(Backend, bool), FieldCatalog<Customer>> catalogs = new();
    private readonly ConcurrentDictionary<(string Key, bool Historical), CompiledSegment> compiled = new();
    private readonly ConcurrentDictionary<bool, IReadOnlyList<CompiledSegment>> active = new();
    private readonly Dictionary<int, int> places;

    internal Definitions(long stamp, IEnumerable<SegmentDefinition> segments, IReadOnlyList<CustomerAttribute> attributes, CustomerFields fields, RuleLimits limits, Definitions? before)
    {
        (Stamp, Attributes, this.fields, this.limits) = (stamp, attributes, fields, limits);
        Segments = segments.ToDictionary(s => s.Key, StringComparer.Ordinal);
        Active = [.. Segments.Values.Where(s => s.Status == SegmentStatus.Active).OrderBy(s => s.Key, StringComparer.Ordinal)];
        places = Active.Index().ToDictionary(a => a.Item.Id, a => a.Index);

        // A rule that nothing else can change keeps its function: compiling a thousand takes a second.
        if (before is not null && before.Attributes.Select(a => (a.Name, a.Type)).SequenceEqual(attributes.Select(a => (a.Name, a.Type))))
        {
            foreach (var (key, function) in before.compiled)
            {
                if (Segments.TryGetValue(key.Key, out var segment) && segment.Kind == SegmentKind.Rule && before.Segments[key.Key] is var old
                    && (old.Id, old.Version) == (segment.Id, segment.Version) && !RuleReferences.Segments(segment.Rule!.Value).Any())
                {
                    compiled.TryAdd(key, function);
                }
            }
        }
    }

    /// <summary>The database's stamp of the definitions.</summary>
    public long Stamp { get; }

    public IReadOnlyDictionary<string, SegmentDefinition> Segments { get; }

    /// <summary>By name.</summary>
    public IReadOnlyList<CustomerAttribute> Attributes { get; }

    /// <summary>The segments that <c>/customers/{id}/segments</c> answers, by key.</summary>
    public IReadOnlyList<SegmentDefinition> Active { get; }

    /// <summary>Those of <see cref="Active"/> that have these ids, in the same order.</summary>
    public IReadOnlyList<SegmentDefinition> ActiveOf(int[] ids)
    {
        var found = Array.ConvertAll(Array.FindAll(ids, places.ContainsKey), id => places[id]);
        Array.Sort(found);
        return Array.ConvertAll(found, place => Active[place]);
    }

    public FieldCatalog<Customer> Catalog(Backend backend, bool historical) =>
        catalogs.GetOrAdd((backend, historical), k => fields.Catalog(k.Item1, k.Item2, Attributes));

    /// <summary>Compiles a rule against these definitions.</summary>
    /// <param name="self">The key of the segment whose rule it is, so that a cycle through it is found.</param>
    /// <param name="kept">Whether segments that it refers to are read from stored membership, where that is kept; else their rules become part of it.</param>
    public CompiledRule<Customer> Compile(JsonElement rule, Backend backend, bool historical, string? self = null, bool kept = false) =>
        new RuleCompiler<Customer>(Catalog(backend, historical), limits, key => Reference(key, kept)).Compile(rule, self);

    /// <summary>A segment's membership as a function of a loaded customer; compiled once.</summary>
    public CompiledSegment Compile(SegmentDefinition segment, bool historical) =>
        compiled.GetOrAdd((segment.Key, historical), _ => new CompiledSegment(segment, this, historical));

    /// <summary><see cref="Active"/>, compiled, in the same order.</summary>
    public IReadOnlyList<CompiledSegment> CompileActive(bool historical) => active.GetOrAdd(historical, h => [.. Active.Select(s => Compile(s, h))]);

    /// <summary>The segments whose rules name this one.</summary>
    public IReadOnlyList<string> UsersOf(string key) =>
        [.. Segments.Values.Where(s => s.Key != key && s.Rule is { } rule && RuleReferences.Segments(rule).Contains(key)).Select(s => s.Key).Order(StringComparer.Ordinal)];

    /// <summary>Ids of these segments and of all whose rules name them, directly or not.</summary>
    public int[] Following(IEnumerable<string> keys)
    {
        var all = keys.ToHashSet(StringComparer.Ordinal);
        for (var known = -1; known != all.Count;)
        {
            known = all.Count;
            all.UnionWith(all.ToList().SelectMany(UsersOf));
        }

        return [.. all.Where(Segments.ContainsKey).Select(k => Segments[k].Id)];
    }

    /// <summary>Whether a segment's membership is stored: that of every active one with a rule. (Manual ones have a list of their own.)</summary>
    public bool IsKept(SegmentDefinition segment) => segment is { Status: SegmentStatus.Active, Kind: SegmentKind.Rule };

    private SegmentReference? Reference(string key, bool kept) => Segments.TryGetValue(key, out var s)
        ? new SegmentReference(s.Key, s.Rule, s.TimeZone, s.Kind == SegmentKind.Manual ? s.Id : null, kept && IsKept(s) ? s.Id : null)
        : null;
}

/// <summary>A stored segment, compiled for loaded customers.</summary>
public sealed class CompiledSegment
{
    private readonly Lazy<Func<Customer, Evaluation, bool>> contains;

    internal CompiledSegment(SegmentDefinition segment, Definitions definitions, bool historical)
    {
        if (segment.Rule is { } rule)
        {
            Rule = definitions.Compile(rule, Backend.Memory, historical, segment.Key);
            NeedsRank = RuleReferences.Fields(rule).Contains("value.percentile")
                || RuleReferences.Segments(rule).Any(k => k != segment.Key && Rule.IsValid && definitions.Compile(definitions.Segments[k], historical).NeedsRank);
        }

        contains = new(() => Rule is null ? (c, _) => c.ManualMemberships.Any(m => m.SegmentId == segment.Id)
            : Rule.IsValid ? Rule.ToFunc()
            : (_, _) => false);
    }

    /// <summary>The checked rule; null for a manual segment.</summary>
    public CompiledRule<Customer>? Rule { get; }

    /// <summary>Whether it asks for a percentile, which takes more than the customer's own data.</summary>
    public bool NeedsRank { get; }

    /// <summary>Why it can't be evaluated, and so matches nobody; pointers are relative to the rule.</summary>
    public IReadOnlyList<RuleError> Errors => Rule?.Errors ?? [];

    public bool Contains(Customer customer, Evaluation at) => contains.Value(customer, at);
}

/// <summary>Keeps the definitions in memory; the database's stamp says whether they still hold.</summary>
public sealed class DefinitionCache(CustomerFields fields, RuleLimits limits)
{
    private volatile Definitions? latest;

    /// <summary>Those read last; null before the first.</summary>
    public Definitions? Latest => latest;

    /// <summary>The definitions as they stand now.</summary>
    public async Task<Definitions> GetAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var known = latest;
        var stamp = await StampAsync(db, cancellation);
        if (known?.Stamp == stamp)
        {
            return known;
        }

        // Read after the stamp: what is newer than it is read again next time, what is older can't be.
        var segments = await db.Segments.AsNoTracking()
            .Select(s => new SegmentDefinition(s.Id, s.Key, s.Name, s.Kind, s.Status, s.Rule, s.TimeZone, s.Version)).ToListAsync(cancellation);
        var attributes = await db.Attributes.AsNoTracking().OrderBy(a => a.Name).ToListAsync(cancellation);
        var read = new Definitions(stamp, segments, attributes, fields, limits, known);

        // Inside a transaction that changes definitions they are nobody else's yet.
        if (db.Database.CurrentTransaction is null)
        {
            latest = read;
        }

        return read;
    }

    /// <summary>Lets one definition change at a time, until the transaction ends, so that two can't make a cycle between them.</summary>
    public static Task LockAsync(SegmentationDb db, CancellationToken cancellation) =>
        db.Database.ExecuteSqlRawAsync("SELECT 1 FROM definition_stamp FOR UPDATE", cancellation);

    private static async Task<long> StampAsync(SegmentationDb db, CancellationToken cancellation) =>
        await db.Database.SqlQueryRaw<long>("SELECT stamp AS \"Value\" FROM definition_stamp").SingleAsync(cancellation);
}
