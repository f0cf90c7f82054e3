using Npgsql;
using Segmentation.Models.Feedback;

namespace Segmentation.Api.Events;

/// <summary>The model of texts in force, as transactions read it that store what it says.</summary>
public sealed class SentimentModels
{
    // Held together by all who store sentiments, until their transactions end; alone by who changes the model. No row is written for it.
    private const long Lock = 0x5E67_7365_6E74;

    private volatile Known known = new(-1, null);

    /// <summary>Reads it. It stays in force until the transaction ends: whoever changes it waits, and then finds what was stored.</summary>
    /// <param name="connection">In a transaction, which waits for no customer from here on: it holds those that it writes.</param>
    /// <returns>Null while there is none.</returns>
    internal async Task<SentimentModel?> ReadAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        // Two statements: what the second one sees is not older than the lock.
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand($"SELECT pg_advisory_xact_lock_shared({Lock})"),
                new NpgsqlBatchCommand("SELECT changes FROM sentiment_model"),
            },
        };
        long changes;
        await using (var reader = await batch.ExecuteReaderAsync(cancellation))
        {
            await reader.NextResultAsync(cancellation);
            await reader.ReadAsync(cancellation);
            changes = reader.GetInt64(0);
        }

        if (known.Changes != changes)
        {
            await using var command = new NpgsqlCommand("SELECT weights FROM sentiment_model", connection);
            known = new Known(
                changes, await command.ExecuteScalarAsync(cancellation) is byte[] weights ? SentimentModel.FromBytes(weights) : null);
        }

        return known.Model;
    }

    /// <summary>Waits until nobody stores what it says, and holds others back until the transaction ends.</summary>
    /// <param name="connection">In a transaction that holds no customer.</param>
    internal static async Task HoldAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand($"SELECT pg_advisory_xact_lock({Lock})", connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private sealed record Known(long Changes, SentimentModel? Model);
}
