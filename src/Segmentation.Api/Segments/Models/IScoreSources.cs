using Segmentation.Api.Data;

namespace Segmentation.Api.Segments;

/// <summary>Knows what the scores of customers that are stored were made of, whatever models are told by now.</summary>
public interface IScoreSources
{
    /// <summary>The fields that each model of propensity has read for them, or will, by its key.</summary>
    Task<ILookup<string, string>> ListFieldsAsync(SegmentationDb db, CancellationToken cancellation);
}
