using Segmentation.Api.Customers;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Segments;

/// <summary>
/// Lists what rules may ask: the catalog, and of its open families (<c>consent.PURPOSE</c>, <c>properties.NAME</c>) those there are.
/// </summary>
public sealed class FieldDirectory(SegmentQuery query, SeenProperties properties, SeenPurposes purposes)
{

    // An editor's list; more are found by their values.
    private const int MaxSegments = 1000;

    /// <summary>The fields of customers; of the field <c>segment</c> with all segments' keys and names.</summary>
    public async Task<(IReadOnlyList<Field> Fields, IReadOnlyList<SegmentDefinition> Segments)> ListAsync(CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var catalog = all.Catalog(Backend.Sql, historical: false);
        var consents = (await ListPurposesAsync(all, cancellation)).Select(p => catalog.Find(DefinitionSet.ConsentPrefix + p)!);
        return ([.. catalog.All, .. consents],
            [.. all.Segments.Values.OrderBy(s => s.Key, StringComparer.Ordinal).Take(MaxSegments)]);
    }

    /// <summary>The fields of an event.</summary>
    public async Task<IReadOnlyList<EventField>> ListForEventsAsync(CancellationToken cancellation)
    {
        var seen = await properties.ListAsync(cancellation);
        return
        [
            .. EventFields.Catalog.All.Select(f => new EventField(f, null)),
            .. seen.Select(p => new EventField(EventFields.Catalog.Find(p.Name)!, p)),
        ];
    }

    /// <summary>The purposes of consent that customers have recorded or rules name, in order.</summary>
    public async Task<IReadOnlyList<string>> ListPurposesAsync(CancellationToken cancellation) =>
        await ListPurposesAsync(await query.DefinitionsAsync(cancellation), cancellation);

    private async Task<IReadOnlyList<string>> ListPurposesAsync(DefinitionSet all, CancellationToken cancellation)
    {
        var named = all.Segments.Values.SelectMany(DefinitionSet.FindPurposes);
        var recorded = await purposes.ListAsync(cancellation);
        return [.. recorded.Concat(named).Where(CustomerNames.IsValid).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }
}

/// <summary>A field of an event.</summary>
/// <param name="Seen">What values it has, where only they decide.</param>
public sealed record EventField(Field Field, SeenProperty? Seen);
