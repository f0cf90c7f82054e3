using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Experiments;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Playbooks;

/// <summary>What playbooks name. Those that are not archived keep it from being deleted.</summary>
public sealed class PlaybookReferences(SegmentationDb db) : IDefinitionUser, IExperimentUser
{
    public string Name => "Playbooks";

    public Task<IReadOnlyList<string>> ListSegmentUsersAsync(string key, CancellationToken cancellation) =>
        ListUsersAsync(Segment(key), cancellation);

    public Task<IReadOnlyList<string>> ListFieldUsersAsync(string field, CancellationToken cancellation) =>
        ListUsersAsync(FieldReference(field), cancellation);

    /// <summary>The keys of the playbooks with plays for a placement, in order.</summary>
    public Task<IReadOnlyList<string>> ListPlacementUsersAsync(string key, CancellationToken cancellation) =>
        ListUsersAsync(Placement(key), cancellation);

    async Task<IReadOnlyList<string>> IExperimentUser.ListUsersAsync(string key, CancellationToken cancellation) =>
        [.. (await ListUsersAsync($"experiment:{key}", cancellation)).Select(p => $"playbook \"{p}\"")];

    /// <summary>The fields of the context: those there always are, and the application's own that playbooks name.</summary>
    public async Task<IReadOnlyList<Field>> ListContextFieldsAsync(CancellationToken cancellation)
    {
        var prefix = FieldReference(ContextFields.CustomPrefix);
        var named = await db.Playbooks.Where(p => p.Status != PlaybookStatus.Archived).SelectMany(p => p.Refers)
            .Where(r => r.StartsWith(prefix)).Distinct().ToListAsync(cancellation);
        var own = named.Order(StringComparer.Ordinal).Select(r => ContextFields.Catalog.Find(r[FieldReference("").Length..]));
        return [.. ContextFields.Catalog.All, .. own.OfType<Field>()];
    }

    /// <summary>What the column <c>refers</c> has of a placement.</summary>
    internal static string Placement(string key) => $"placement:{key}";

    /// <summary>All that a playbook names.</summary>
    internal static string[] Find(PlaybookResource playbook)
    {
        var plays = playbook.Plays ?? [];
        var rules = plays.Select(p => p.When).Append(playbook.Audience).OfType<JsonElement>().ToList();
        return
        [
            .. rules.SelectMany(RuleReferences.Segments).Select(Segment)
                .Concat(rules.SelectMany(RuleReferences.Fields).Select(FieldReference))
                .Concat(playbook.RequiresConsent is { } purpose ? [FieldReference(DefinitionSet.ConsentPrefix + purpose)] : [])
                .Concat(plays.Select(p => Placement(p.Placement!)))
                .Concat(plays.Select(p => p.Experiment).Append(playbook.Holdout).OfType<string>().Select(e => $"experiment:{e}"))
                .Distinct(StringComparer.Ordinal),
        ];
    }

    private static string Segment(string key) => $"segment:{key}";

    private static string FieldReference(string name) => $"field:{name}";

    private async Task<IReadOnlyList<string>> ListUsersAsync(string reference, CancellationToken cancellation) =>
        await db.Playbooks.Where(p => p.Status != PlaybookStatus.Archived && p.Refers.Contains(reference))
            .OrderBy(p => p.Key).Select(p => p.Key).ToListAsync(cancellation);
}
