using Segmentation.Api.Segments;

namespace Segmentation.Api.Insight;

/// <summary>Who has which RFM scores, by the thresholds that are in force.</summary>
public sealed class RfmReader(RfmCounts counts, SegmentQuery query)
{
    /// <param name="asOf">The instant to look at; null for now.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<Rfm> ReadAsync(DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var history = (await query.DefinitionsAsync(cancellation)).Rfm;
        var (at, historical) = query.Clock(asOf);
        return await counts.CountAsync(historical ? history.At(at) : history.Latest, historical ? at : null, cancellation);
    }
}
