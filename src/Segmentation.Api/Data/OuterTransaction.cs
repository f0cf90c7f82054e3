using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>
/// A transaction of which a request's others are parts, so that all they write is there together or not at all. It begins when the first
/// of them does, and whoever made it commits it.
/// </summary>
/// <remarks>A part that is not committed is undone by itself, and gives back its locks: a deadlock is repeated within the whole.</remarks>
internal sealed class OuterTransaction : IAsyncDisposable
{
    private const string Savepoint = "part";
    private readonly SegmentationDb db;
    private readonly Func<CancellationToken, Task> beginning;
    private IDbContextTransaction? whole;

    /// <param name="db">The context whose transactions become parts of this.</param>
    /// <param name="beginning">What the transaction does before all else.</param>
    public OuterTransaction(SegmentationDb db, Func<CancellationToken, Task> beginning)
    {
        (this.db, this.beginning) = (db, beginning);
        db.Outer = this;
    }

    /// <summary>Begins, unless a part has.</summary>
    public async Task BeginAsync(CancellationToken cancellation)
    {
        if (whole is not null)
        {
            return;
        }

        var begun = await db.Database.BeginTransactionAsync(cancellation);
        try
        {
            await beginning(cancellation);
            whole = begun;
        }
        finally
        {
            if (whole is null)
            {
                await begun.DisposeAsync();
            }
        }
    }

    /// <summary>Begins a part, which has to end before the next one.</summary>
    public async Task<IDbContextTransaction> BeginPartAsync(CancellationToken cancellation)
    {
        await BeginAsync(cancellation);
        await whole!.CreateSavepointAsync(Savepoint, cancellation);
        return new Part(whole);
    }

    public Task CommitAsync(CancellationToken cancellation) => whole!.CommitAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        db.Outer = null;
        if (whole is not null)
        {
            await whole.DisposeAsync();
        }
    }

    private sealed class Part(IDbContextTransaction whole) : IDbContextTransaction
    {
        private bool hasEnded;

        public Guid TransactionId => whole.TransactionId;

        public void Commit() => CommitAsync().GetAwaiter().GetResult();

        public void Rollback() => RollbackAsync().GetAwaiter().GetResult();

        public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

        public async Task CommitAsync(CancellationToken cancellationToken = default)
        {
            await whole.ReleaseSavepointAsync(Savepoint, cancellationToken);
            hasEnded = true;
        }

        public async Task RollbackAsync(CancellationToken cancellationToken = default)
        {
            hasEnded = true;
            await whole.RollbackToSavepointAsync(Savepoint, cancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            if (hasEnded)
            {
                return;
            }

            try
            {
                await RollbackAsync();
            }
            catch (Exception lost) when (lost is NpgsqlException or InvalidOperationException)
            {
                // The connection is gone, and with it the whole; what is thrown is why the part has failed.
            }
        }
    }
}
