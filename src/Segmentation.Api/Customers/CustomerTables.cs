using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Customers;

/// <summary>The tables of customers.</summary>
internal static class CustomerTables
{
    extension(SegmentationDb db)
    {
        public DbSet<Customer> Customers => db.Set<Customer>();
        public DbSet<CustomerAttribute> Attributes => db.Set<CustomerAttribute>();
        public DbSet<ImportJob> Imports => db.Set<ImportJob>();
        public DbSet<ImportRejection> ImportRejections => db.Set<ImportRejection>();
        public DbSet<SeenInDryRun> SeenInDryRuns => db.Set<SeenInDryRun>();
        public DbSet<CustomerScores> CustomerScores => db.Set<CustomerScores>();
        public DbSet<UnscoredCustomers> UnscoredCustomers => db.Set<UnscoredCustomers>();
        public DbSet<ScoreCopy> ScoreCopies => db.Set<ScoreCopy>();
        public DbSet<ScoreCopyPart> ScoreCopyParts => db.Set<ScoreCopyPart>();
        public DbSet<RfmThresholds> RfmThresholds => db.Set<RfmThresholds>();
        public DbSet<ManualMember> ManualMembers => db.Set<ManualMember>();
        /// <summary>
        /// One row: how many customers there are. Kept by a trigger, so that nobody counts a million rows to know a share.
        /// </summary>
        public DbSet<CustomerTotal> CustomerTotals => db.Set<CustomerTotal>();
    }
}
