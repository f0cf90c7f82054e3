using Segmentation.Api.Http;

namespace Segmentation.Api.Segments;

/// <summary>Whoever reads a field, for whom it has to stay.</summary>
public sealed class FieldUsers(SegmentQuery query, IEnumerable<IDefinitionUser> others)
{
    /// <summary>Refuses while active segments, or other definitions, read a field.</summary>
    /// <param name="field">As rules call it: <c>attributes.plan</c>.</param>
    /// <param name="shown">What the caller calls it, in quotes.</param>
    /// <exception cref="ApiProblem">409.</exception>
    public async Task CheckUnusedAsync(string field, string shown, CancellationToken cancellation)
    {
        // Through other segments as well: one that refers to an invalid segment is invalid.
        var all = await query.DefinitionsAsync(cancellation);
        var users = all.SelectActive(all.FindAffected(all.FindFieldUsers(field))).Select(s => s.Key).ToList();
        if (users.Count > 0)
        {
            throw ApiProblem.Conflict($"Active segments use {shown}: {string.Join(", ", users)}.");
        }

        await CheckOthersAsync(field, shown, cancellation);
    }

    /// <summary>Refuses while definitions that are no segments read a field.</summary>
    /// <param name="field">As rules call it.</param>
    /// <param name="shown">What the caller calls it, and what can't be done.</param>
    /// <exception cref="ApiProblem">409.</exception>
    public async Task CheckOthersAsync(string field, string shown, CancellationToken cancellation)
    {
        foreach (var other in others)
        {
            if (await other.ListFieldUsersAsync(field, cancellation) is { Count: > 0 } named)
            {
                throw ApiProblem.Conflict($"{other.Name} use {shown}: {string.Join(", ", named)}.");
            }
        }
    }
}
