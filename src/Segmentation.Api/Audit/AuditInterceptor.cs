using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Audit;

/// <summary>
/// Sees each change of a definition as it is saved, and writes what waits for the log right before its transaction is committed. What a
/// transaction or a part of it takes back leaves no entry.
/// </summary>
internal sealed class AuditInterceptor(AuditLog log, CustomerMarks marks) : SaveChangesInterceptor, IDbTransactionInterceptor
{
    private readonly ConditionalWeakTable<SegmentationDb, State> states = [];

    public override async ValueTask<InterceptionResult<int>> SavingChangesAsync(
        DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is SegmentationDb db)
        {
            var state = StateIn(db);
            state.Saving = true;
            state.Changes.Clear();
            foreach (var row in db.ChangeTracker.Entries())
            {
                if (row.State is EntityState.Added or EntityState.Modified or EntityState.Deleted
                    && AuditedTables.Find(row.Metadata) is { } table)
                {
                    var key = await marks.GetKeyAsync(cancellationToken);
                    var before = row.State == EntityState.Added ? null : table.Write(row.Metadata, row.OriginalValues, key);
                    var after = row.State == EntityState.Deleted ? null : table.Write(row.Metadata, row.CurrentValues, key);
                    state.Changes.Add(new Change(table, table.Name(row), before, after));
                }
            }

            if (state.Changes.Count > 0 && db.Database.CurrentTransaction is null)
            {
                throw new InvalidOperationException("A definition is saved in a transaction, so that its entry in the audit log is too.");
            }
        }

        return result;
    }

    public override InterceptionResult<int> SavingChanges(DbContextEventData eventData, InterceptionResult<int> result) =>
        SavingChangesAsync(eventData, result).AsTask().GetAwaiter().GetResult();

    public override async ValueTask<int> SavedChangesAsync(
        SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is SegmentationDb db)
        {
            var state = StateIn(db);
            state.Saving = false;
            foreach (var (table, name, before, after) in state.Changes)
            {
                if (before is null || after is null)
                {
                    await log.AppendAsync(
                        db, $"{table.Resource}.{(before is null ? "create" : "delete")}", name, before, after, cancellationToken);
                }
                else if (AuditDocument.Compare(before, after) is { Count: > 0 } forth)
                {
                    await log.AppendAsync(
                        db, $"{table.Resource}.{log.ChangeVerb}", name, AuditDocument.Compare(after, before), forth, cancellationToken);
                }
            }

            state.Changes.Clear();
        }

        return result;
    }

    public override int SavedChanges(SaveChangesCompletedEventData eventData, int result) =>
        SavedChangesAsync(eventData, result).AsTask().GetAwaiter().GetResult();

    public override void SaveChangesFailed(DbContextErrorEventData eventData) => Forget(eventData.Context);

    public override Task SaveChangesFailedAsync(DbContextErrorEventData eventData, CancellationToken cancellationToken = default)
    {
        Forget(eventData.Context);
        return Task.CompletedTask;
    }

    public override void SaveChangesCanceled(DbContextEventData eventData) => Forget(eventData.Context);

    public override Task SaveChangesCanceledAsync(DbContextEventData eventData, CancellationToken cancellationToken = default)
    {
        Forget(eventData.Context);
        return Task.CompletedTask;
    }

    public DbTransaction TransactionStarted(DbConnection connection, TransactionEndEventData eventData, DbTransaction result)
    {
        Begin(eventData.Context);
        return result;
    }

    public ValueTask<DbTransaction> TransactionStartedAsync(
        DbConnection connection, TransactionEndEventData eventData, DbTransaction result, CancellationToken cancellationToken = default)
    {
        Begin(eventData.Context);
        return ValueTask.FromResult(result);
    }

    public InterceptionResult TransactionCommitting(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result) =>
        TransactionCommittingAsync(transaction, eventData, result).AsTask().GetAwaiter().GetResult();

    public async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is not SegmentationDb db || log.Pending(db) is not { Count: > 0 } pending)
        {
            return result;
        }

        await AuditEntry.AppendAndCommitAsync((NpgsqlConnection)transaction.Connection!, pending, cancellationToken);
        pending.Clear();
        return InterceptionResult.Suppress();
    }

    public void CreatedSavepoint(DbTransaction transaction, TransactionEventData eventData) => Mark(eventData.Context);

    public Task CreatedSavepointAsync(
        DbTransaction transaction, TransactionEventData eventData, CancellationToken cancellationToken = default)
    {
        Mark(eventData.Context);
        return Task.CompletedTask;
    }

    public void RolledBackToSavepoint(DbTransaction transaction, TransactionEventData eventData) => Undo(eventData.Context);

    public Task RolledBackToSavepointAsync(
        DbTransaction transaction, TransactionEventData eventData, CancellationToken cancellationToken = default)
    {
        Undo(eventData.Context);
        return Task.CompletedTask;
    }

    private State StateIn(SegmentationDb db) => states.GetValue(db, _ => new State());

    private void Begin(DbContext? context)
    {
        if (context is SegmentationDb db)
        {
            log.Pending(db).Clear();
            StateIn(db).PartStart = 0;
        }
    }

    private void Forget(DbContext? context)
    {
        if (context is SegmentationDb db)
        {
            StateIn(db).Changes.Clear();
            StateIn(db).Saving = false;
        }
    }

    // Parts don't nest (OuterTransaction); the savepoints that EF Core makes while it saves are its own.
    private void Mark(DbContext? context)
    {
        if (context is SegmentationDb db && StateIn(db) is { Saving: false } state)
        {
            state.PartStart = log.Pending(db).Count;
        }
    }

    private void Undo(DbContext? context)
    {
        if (context is SegmentationDb db && StateIn(db) is { Saving: false } state)
        {
            var pending = log.Pending(db);
            pending.RemoveRange(state.PartStart, pending.Count - state.PartStart);
        }
    }

    private sealed record Change(
        AuditedTable Table, string Name, System.Text.Json.Nodes.JsonObject? Before, System.Text.Json.Nodes.JsonObject? After);

    private sealed class State
    {
        public List<Change> Changes { get; } = [];

        public bool Saving { get; set; }

        public int PartStart { get; set; }
    }
}
