using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Customers;

/// <summary>What imports in the background keep of somebody.</summary>
internal static class ImportErasure
{
    extension(SegmentationDb db)
    {
        /// <summary>The rejected lines that are somebody's, or name somebody.</summary>
        /// <param name="id">The id.</param>
        /// <param name="texts">The id as well, and the email where there is one.</param>
        public IQueryable<ImportRejection> RejectedLinesAbout(string id, string[] texts)
        {
            long[] hashes = [.. texts.SelectMany(Mentions.Hashes)];
            return db.ImportRejections.Where(r => r.CustomerId == id || r.Mentions.Any(m => hashes.Contains(m)));
        }

        /// <summary>Deletes these; in the caller's transaction.</summary>
        /// <returns>How many.</returns>
        public async Task<int> ForgetRejectedLinesAsync(string id, string[] texts, CancellationToken cancellation)
        {
            // Of a file without a header the first line is quoted in the error. There are few imports, and few of them fail.
            var hashes = texts.SelectMany(Mentions.Hashes).ToHashSet();
            var failed = await db.Imports.Where(i => i.Error != null && i.Error != Erasure.Blank)
                .Select(i => new { i.Id, i.Error }).ToListAsync(cancellation);
            string[] quoting = [.. failed.Where(i => Mentions.InWords(i.Error!).Any(hashes.Contains)).Select(i => i.Id)];
            var forgotten = quoting is [] ? 0 : await db.Imports.Where(i => quoting.Contains(i.Id))
                .ExecuteUpdateAsync(i => i.SetProperty(x => x.Error, Erasure.Blank), cancellation);
            return forgotten + await db.RejectedLinesAbout(id, texts).ExecuteDeleteAsync(cancellation);
        }
    }
}
