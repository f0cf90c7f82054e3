using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;

namespace Segmentation.Local;

/// <summary>The sample's model of lifetime value, fitted to its orders.</summary>
internal sealed class SampleModel(SegmentationDb db, ModelStore models, FitAnalysis fits)
{
    /// <summary>Fits it and puts it in force, within the transaction that loads the sample; unless there is one already.</summary>
    public async Task AddAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        if (await db.ModelVersions.AnyAsync(v => v.ModelKey == LifetimeValueType.TypeName, cancellation))
        {
            return;
        }

        var model = await models.GetAsync(LifetimeValueType.TypeName, "", cancellation);
        var request = new FitRequest { Type = FitAnalysis.TypeName, Model = model.Key };
        var version = await fits.FitAsync(model, request, new AnalysisRun(now), cancellation);
        await ModelVersions.AddAsync(db, model, version, cancellation);
    }
}
