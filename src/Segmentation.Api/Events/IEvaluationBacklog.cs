namespace Segmentation.Api.Events;

/// <summary>Knows how many customers wait until what was written of them has been evaluated.</summary>
public interface IEvaluationBacklog
{
    /// <summary>How many customers wait; 0 where nobody evaluates them.</summary>
    Task<int> CountAsync(CancellationToken cancellation);
}
