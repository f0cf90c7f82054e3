using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Idempotency;

/// <summary>The records of requests with an idempotency key.</summary>
public sealed class IdempotencyStore(SegmentationDb db, TimeProvider time)
{
    /// <summary>How long a record is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    private const int RowsPerStatement = 10_000;

    private DateTimeOffset Now => LocalTime.Truncate(time.GetUtcNow());

    /// <summary>How a request was answered before; null where it was not, or a day ago.</summary>
    internal async Task<IdempotencyRecord?> FindAsync(IdempotentRequest request, CancellationToken cancellation)
    {
        var since = Now - Kept;
        return await db.IdempotencyRecords.AsNoTracking()
            .SingleOrDefaultAsync(r => r.ScopeHash == request.ScopeHash && r.CreatedAt >= since, cancellation);
    }

    /// <summary>Writes a request's record, first in the transaction of what it does: whoever sends it again waits for that.</summary>
    /// <exception cref="AnsweredException">It has been answered.</exception>
    /// <exception cref="ApiProblem">409: another one is being answered, and took longer than a second.</exception>
    internal async Task ClaimAsync(IdempotentRequest request, CancellationToken cancellation)
    {
        var now = Now;
        try
        {
            // The longest wait is this statement's alone; what follows waits as long as the connection says.
            var claimed = await db.Database.ExecuteSqlAsync(
                $"""
                SET LOCAL lock_timeout = '1s';
                INSERT INTO idempotency AS r (scope_hash, fingerprint, is_secret, mentions, created_at)
                VALUES ({request.ScopeHash}, {request.Fingerprint}, false, {request.Mentions}, {now})
                ON CONFLICT (scope_hash) DO UPDATE
                SET fingerprint = excluded.fingerprint, mentions = excluded.mentions, created_at = excluded.created_at
                WHERE r.created_at < {now - Kept};
                SET LOCAL lock_timeout TO DEFAULT
                """, cancellation);
            if (claimed > 0)
            {
                return;
            }
        }
        catch (PostgresException waited) when (waited.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw InProgress();
        }

        throw await FindAsync(request, cancellation) is { } record ? new AnsweredException(record) : InProgress();
    }

    /// <summary>Writes the answer, last of all in the transaction.</summary>
    internal Task CompleteAsync(IdempotencyRecord record, CancellationToken cancellation) =>
        db.IdempotencyRecords.Where(r => r.ScopeHash == record.ScopeHash).ExecuteUpdateAsync(
            r => r.SetProperty(x => x.Status, record.Status)
                .SetProperty(x => x.Location, record.Location)
                .SetProperty(x => x.EntityTag, record.EntityTag)
                .SetProperty(x => x.MediaType, record.MediaType)
                .SetProperty(x => x.Body, record.Body)
                .SetProperty(x => x.IsSecret, record.IsSecret)
                .SetProperty(x => x.Mentions, record.Mentions),
            cancellation);

    /// <summary>Deletes the records that are a day old.</summary>
    public async Task SweepAsync(CancellationToken cancellation)
    {
        int deleted;
        do
        {
            deleted = await db.Database.ExecuteSqlAsync(
                $"""
                DELETE FROM idempotency WHERE scope_hash = ANY (ARRAY(
                  SELECT scope_hash FROM idempotency WHERE created_at < {Now - Kept} ORDER BY created_at LIMIT {RowsPerStatement}
                  FOR UPDATE SKIP LOCKED))
                """, cancellation);
        }
        while (deleted == RowsPerStatement);
    }

    private static ApiProblem InProgress() => new(
        StatusCodes.Status409Conflict, $"A request with this {IdempotentRequest.Header} is being answered. Send it again in a moment.")
    {
        Type = ApiProblem.Kind("request-in-progress"),
        RetryAfter = ApiProblem.Soon,
    };
}

/// <summary>The request was answered before, by whoever held its record.</summary>
internal sealed class AnsweredException(IdempotencyRecord record) : Exception("The request has been answered.")
{
    public IdempotencyRecord Record => record;
}
