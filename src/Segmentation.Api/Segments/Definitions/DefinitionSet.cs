using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>All segments and attributes as they stood at one stamp, and what has been compiled of them. Immutable but for that.</summary>
public sealed class DefinitionSet
{
    private readonly CustomerFields fields;
    private readonly RuleLimits limits;
    private readonly ConcurrentDictionary<(Backend, bool), FieldCatalog<Customer>> catalogs = new();
    private readonly ConcurrentDictionary<(string Key, bool Historical), CompiledSegment> compiled = new();
    private readonly ConcurrentDictionary<bool, IReadOnlyList<CompiledSegment>> active = new();
    private readonly Dictionary<int, int> places;

    internal DefinitionSet(long stamp, IEnumerable<SegmentDefinition> segments, IReadOnlyList<CustomerAttribute> attributes, CustomerFields fields, RuleLimits limits, DefinitionSet? before)
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

    /// <summary>A segment by its key.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public SegmentDefinition Find(string key) => Segments.TryGetValue(key, out var segment) ? segment : throw ApiProblem.NotFound("segment");

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
