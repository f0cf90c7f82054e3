using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Experiments;
using Segmentation.Api.Http;

namespace Segmentation.Local;

/// <summary>The sample's experiments: a split that runs, and one each to be started, stopped and put away.</summary>
internal static class SampleExperiments
{
    /// <summary>Adds those that are not there.</summary>
    public static async Task AddAsync(SegmentationDb db, DateTimeOffset now, CancellationToken cancellation)
    {
        (string Key, string Definition, bool Runs)[] all =
        [
            (ExperimentExamples.Running, ExperimentExamples.Definition, true),
            (ExperimentExamples.Stopping, ExperimentExamples.DraftDefinition, true),
            (ExperimentExamples.Draft, ExperimentExamples.DraftDefinition, false),
            (ExperimentExamples.Old, ExperimentExamples.DraftDefinition, false),
        ];
        foreach (var (key, definition, runs) in all)
        {
            if (await db.Experiments.AnyAsync(e => e.Key == key, cancellation))
            {
                continue;
            }

            var complete = JsonSerializer.Deserialize<ExperimentResource>(definition, Json.Options)!.Complete(key);
            var experiment = new Experiment
            {
                Key = key,
                Definition = JsonSerializer.SerializeToElement(complete, Json.Options),
                Status = runs ? ExperimentStatus.Running : ExperimentStatus.Draft,
                Run = runs ? 1 : 0,
                Version = 1,
                CreatedAt = now,
                UpdatedAt = now,
            };
            db.Experiments.Add(experiment);
            await db.SaveChangesAsync(cancellation);
            db.ExperimentVersions.Add(new ExperimentVersion
            {
                ExperimentId = experiment.Id,
                Version = 1,
                Definition = experiment.Definition,
                ChangedAt = now,
                ChangedBy = "sample",
            });
            if (runs)
            {
                db.ExperimentRuns.Add(new ExperimentRun
                {
                    ExperimentId = experiment.Id,
                    Run = 1,
                    StartedAt = now,
                    Definition = experiment.Definition,
                    MaxCoverage = ExperimentResource.ToDouble(complete.Coverage!.Value),
                });
            }

            await db.SaveChangesAsync(cancellation);
        }
    }
}
