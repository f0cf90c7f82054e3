namespace Segmentation.Api.Segments;

/// <summary>What names segments and fields in a room above: it keeps them from being deleted.</summary>
public interface IDefinitionUser
{
    /// <summary>What it is, in the plural, as the beginning of a sentence: <c>Playbooks</c>.</summary>
    string Name { get; }

    /// <summary>The keys of those that name a segment.</summary>
    Task<IReadOnlyList<string>> ListSegmentUsersAsync(string key, CancellationToken cancellation);

    /// <summary>The keys of those whose rules read a field.</summary>
    /// <param name="field">As rules call it: <c>attributes.plan</c>.</param>
    Task<IReadOnlyList<string>> ListFieldUsersAsync(string field, CancellationToken cancellation);
}
