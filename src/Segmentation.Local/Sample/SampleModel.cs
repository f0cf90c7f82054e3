using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;

namespace Segmentation.Local;

/// <summary>The sample's models of lifetime value, of texts and of who orders again, fitted to its orders and its feedback.</summary>
internal sealed class SampleModel(SegmentationDb db, ModelStore models, FitAnalysis fits)
{
    /// <summary>Fits them and puts them in force, within the transaction that loads the sample; unless there is one already.</summary>
    public async Task AddAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        if (!await db.Models.AnyAsync(m => m.Key == SwaggerExamples.Propensity, cancellation))
        {
            db.Add(new Model
            {
                Key = SwaggerExamples.Propensity,
                Settings = JsonElement.Parse(SwaggerExamples.PropensityRequest),
                CreatedAt = now,
                UpdatedAt = now,
            });
            await db.SaveChangesAsync(cancellation);
        }

        foreach (var key in new[] { LifetimeValueType.TypeName, FeedbackType.TypeName, SwaggerExamples.Propensity })
        {
            if (await db.ModelVersions.AnyAsync(v => v.ModelKey == key, cancellation))
            {
                continue;
            }

            var model = await models.GetAsync(key, "", cancellation);
            var request = new FitRequest { Type = FitAnalysis.TypeName, Model = key };
            var version = await fits.FitAsync(model, request, new AnalysisRun(now), cancellation);
            await ModelVersions.AddAsync(db, model, version, cancellation);
        }
    }
}
