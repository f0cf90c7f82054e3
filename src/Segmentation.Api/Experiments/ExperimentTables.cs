using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Experiments;

/// <summary>The tables of experiments, and of what was seen.</summary>
internal static class ExperimentTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Experiment> Experiments => db.Set<Experiment>();
        public DbSet<ExperimentVersion> ExperimentVersions => db.Set<ExperimentVersion>();
        public DbSet<ExperimentRun> ExperimentRuns => db.Set<ExperimentRun>();
        public DbSet<ExperimentUnit> ExperimentUnits => db.Set<ExperimentUnit>();
        public DbSet<Impression> Impressions => db.Set<Impression>();
        public DbSet<VisitorLink> VisitorLinks => db.Set<VisitorLink>();
        public DbSet<ExposureReport> ExposureReports => db.Set<ExposureReport>();

        /// <summary>The visitors that a customer was seen as: those that are linked to it, and one with its id.</summary>
        public async Task<string[]> FindVisitorsAsync(string customerId, CancellationToken cancellation) =>
        [
            .. await db.VisitorLinks.Where(l => l.CustomerId == customerId).Select(l => l.VisitorId).ToListAsync(cancellation), customerId,
        ];
    }
}
