using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Audit;

/// <summary>The log as a part of other queries; it has no entity, since nobody changes it.</summary>
internal static class AuditTables
{
    extension(SegmentationDb db)
    {
        /// <summary>The entries about a resource since an instant, after one of them.</summary>
        public IQueryable<AuditMention> EntriesAbout(string resource, DateTimeOffset since, long after) =>
            db.Database.SqlQuery<AuditMention>(
                $"""
                SELECT id AS "Id", at AS "At", action AS "Action" FROM audit
                WHERE resource = {resource} AND at >= {since} AND id > {after}
                """);
    }
}
