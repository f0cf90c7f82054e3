using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Rights;

/// <summary>Reads receipts of erasures, with what is left to do of each.</summary>
public sealed class ErasureReader(SegmentationDb db)
{
    /// <summary>A page of receipts, the newest first.</summary>
    public async Task<Page<ErasureResource>> ListAsync(int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var before = Paging.NumberCursor(cursor) ?? long.MaxValue;
        var rows = await db.Erasures.AsNoTracking().Where(e => e.Id < before).OrderByDescending(e => e.Id).Take(size + 1)
            .ToListAsync(cancellation);
        var remaining = await ListRemainingAsync(rows, cancellation);
        return Paging.Create(rows, size, e => Show(e, remaining), e => [e.Id]);
    }

    /// <summary>One receipt.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<ErasureResource> FindAsync(string receipt, CancellationToken cancellation)
    {
        var row = receipt.Contains('\0', StringComparison.Ordinal)
            ? null
            : await db.Erasures.AsNoTracking().SingleOrDefaultAsync(e => e.Receipt == receipt, cancellation);
        return row is null
            ? throw ApiProblem.NotFound("receipt")
            : Show(row, await ListRemainingAsync([row], cancellation));
    }

    private static ErasureResource Show(Erasure erasure, ILookup<long, string> remaining) => new(
        erasure.Receipt, erasure.Kind, erasure.RequestedAt, erasure.CompletedAt, erasure.By,
        JsonSerializer.Deserialize<Dictionary<string, long>>(erasure.Removed)!,
        [.. remaining[erasure.Id], .. erasure.Definitions]);

    private async Task<ILookup<long, string>> ListRemainingAsync(List<Erasure> erasures, CancellationToken cancellation)
    {
        long[] open = [.. erasures.Where(e => e.CompletedAt is null).Select(e => e.Id)];
        List<ErasureProgress> rows = open is [] ? [] : await db.QueryAsync(
            ErasureProgress.Sql, ErasureProgress.Read, cancellation, SqlParameter.Create(open));
        return rows.SelectMany(r => r.Remaining().Select(what => (r.Erasure, what))).ToLookup(r => r.Erasure, r => r.what);
    }
}

/// <summary>The receipt of an erasure. It does not say whose.</summary>
/// <param name="Receipt">What <c>Erasure-Receipt</c> said.</param>
/// <param name="Kind"><c>erase</c>, or <c>anonymize</c>.</param>
/// <param name="RequestedAt">When it was asked for: from then on the customer was gone.</param>
/// <param name="CompletedAt">When nothing remained; missing before.</param>
/// <param name="By">Who asked for it: the key's id or the token's subject; <c>anonymous</c> or <c>service</c>.</param>
/// <param name="Removed">How many rows went, by what they were.</param>
/// <param name="Remaining">What is left: <c>events</c>, <c>exposures</c> and <c>memberships</c> to be deleted, within a minute;
/// <c>webhooks: 2</c> messages and <c>streams: 1</c> segments whose followers are still to be told that it left, within a day; and
/// definitions that compare with its id or email, such as <c>segments/vip</c>, for somebody to change; <c>definitions</c> where these are
/// still to be looked for, within a minute, of customers who go by themselves.</param>
public sealed record ErasureResource(
    string Receipt, ErasureKind Kind, DateTimeOffset RequestedAt, DateTimeOffset? CompletedAt, string By,
    IReadOnlyDictionary<string, long> Removed, IReadOnlyList<string> Remaining);
