namespace Segmentation.Api.Segments;

/// <summary>Is notified when what segments mean has changed.</summary>
public interface IDefinitionObserver
{
    /// <summary>
    /// The rules of these segments, or what they read, mean something else from now on. Called in the transaction that changes them.
    /// </summary>
    /// <param name="segments">Their ids, and those of all segments that refer to them, directly or not.</param>
    Task DefinitionsChangedAsync(int[] segments, CancellationToken cancellation);
}
