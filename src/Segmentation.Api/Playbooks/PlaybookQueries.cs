using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Playbooks;

/// <summary>Finds stored playbooks.</summary>
internal static class PlaybookQueries
{
    /// <summary>Those of a placement, a status and a tag; null for any.</summary>
    public static IQueryable<Playbook> Filter(SegmentationDb db, string? placement, PlaybookStatus? status, string? tag)
    {
        var playbooks = db.Playbooks.AsNoTracking();
        if (placement is not null)
        {
            var reference = PlaybookReferences.Placement(placement);
            playbooks = playbooks.Where(p => p.Refers.Contains(reference));
        }

        playbooks = status is null ? playbooks : playbooks.Where(p => p.Status == status);
        return tag is null ? playbooks : playbooks.Where(p => p.Tags.Contains(tag));
    }

    /// <summary>The versions of one before a number, newest first.</summary>
    public static IQueryable<PlaybookVersion> ListVersions(SegmentationDb db, Playbook playbook, long before) =>
        db.PlaybookVersions.AsNoTracking().Where(v => v.PlaybookId == playbook.Id && v.Version < before)
            .OrderByDescending(v => v.Version);

    /// <summary>Whether its key, name, description, goal or a tag contains a text.</summary>
    /// <param name="text">Folded.</param>
    public static bool Has(Playbook playbook, string? text)
    {
        var definition = PlaybookResource.Read(playbook.Definition);
        return TextSearch.Has(text, [playbook.Key, definition.Name, definition.Description, definition.Goal, .. playbook.Tags]);
    }

    /// <summary>The definition with its key.</summary>
    public static PlaybookResource Read(Playbook playbook) => PlaybookResource.Read(playbook.Definition) with { Key = playbook.Key };

    /// <summary>Why a text is no key; null where it is one.</summary>
    public static string? FindKeyFault(string key) => PlaybookTexts.IsKey(key) ? null : PlaybookTexts.KeyRule;
}
