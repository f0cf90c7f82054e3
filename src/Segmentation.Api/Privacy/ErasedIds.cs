using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;

namespace Segmentation.Api.Privacy;

/// <summary>Finds whom of some customers there was, and when they were erased.</summary>
public sealed class ErasedIds(CustomerMarks marks)
{
    /// <summary>SQL that reads the instant of the last erasure: what occurred since is nobody's who was erased; null where nobody was.
    /// </summary>
    internal const string LastSql = "SELECT max(at) FROM erased";

    /// <summary>Those among some ids that were erased, each with when.</summary>
    /// <param name="connection">In whose transaction they are looked for.</param>
    /// <param name="known">Marks that were computed before, by the id; those that are computed now are added.</param>
    internal async Task<Dictionary<string, DateTimeOffset>> FindAsync(
        NpgsqlConnection connection, IReadOnlyCollection<string> ids, CancellationToken cancellation,
        Dictionary<string, byte[]>? known = null)
    {
        var found = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        if (ids.Count == 0)
        {
            return found;
        }

        var key = await marks.GetKeyAsync(cancellation);
        known ??= new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var byMark = new Dictionary<string, string>(ids.Count, StringComparer.Ordinal);
        foreach (var id in ids)
        {
            if (!known.TryGetValue(id, out var mark))
            {
                known[id] = mark = CustomerMarks.Compute(key, id);
            }

            byMark[Convert.ToHexString(mark)] = id;
        }

        await using var command = new NpgsqlCommand("SELECT id_hmac, at FROM erased WHERE id_hmac = ANY ($1)", connection)
        {
            Parameters =
            {
                SqlParameter.Create(
                    ids.Select(id => known[id]).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bytea),
            },
        };
        foreach (var (mark, at) in await command.ReadAllAsync(
            r => ((byte[])r[0], r.GetFieldValue<DateTimeOffset>(1)), cancellation))
        {
            found[byMark[Convert.ToHexString(mark)]] = at;
        }

        return found;
    }

    /// <summary>The same of whom something is sent: only those of it that are from before the last erasure are looked for.</summary>
    internal async Task<Dictionary<string, DateTimeOffset>> FindBeforeAsync(
        NpgsqlConnection connection, IEnumerable<(string Id, DateTimeOffset At)> sent, CancellationToken cancellation)
    {
        await using var last = new NpgsqlCommand(LastSql, connection);
        return await last.ExecuteScalarAsync(cancellation) is DateTime until
            ? await FindAsync(
                connection, sent.Where(s => s.At < until).Select(s => s.Id).ToHashSet(StringComparer.Ordinal), cancellation)
            : [];
    }

    /// <summary>The same, where anybody was erased at all.</summary>
    /// <inheritdoc cref="FindAsync"/>
    internal async Task<Dictionary<string, DateTimeOffset>> FindAnyAsync(
        NpgsqlConnection connection, IReadOnlyCollection<string> ids, CancellationToken cancellation,
        Dictionary<string, byte[]>? known = null)
    {
        await using var any = new NpgsqlCommand("SELECT EXISTS (SELECT FROM erased)", connection);
        return (bool)(await any.ExecuteScalarAsync(cancellation))! ? await FindAsync(connection, ids, cancellation, known) : [];
    }
}
