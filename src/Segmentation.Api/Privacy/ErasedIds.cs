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
    internal async Task<Dictionary<string, DateTimeOffset>> FindAsync(
        NpgsqlConnection connection, IReadOnlyCollection<string> ids, CancellationToken cancellation)
    {
        var found = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        if (ids.Count == 0)
        {
            return found;
        }

        var key = await marks.GetKeyAsync(cancellation);
        var byMark = ids.ToDictionary(id => Convert.ToHexString(CustomerMarks.Compute(key, id)));
        await using var command = new NpgsqlCommand("SELECT id_hmac, at FROM erased WHERE id_hmac = ANY ($1)", connection)
        {
            Parameters =
            {
                SqlParameter.Create(
                    byMark.Keys.Select(Convert.FromHexString).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bytea),
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
    internal async Task<Dictionary<string, DateTimeOffset>> FindAnyAsync(
        NpgsqlConnection connection, IReadOnlyCollection<string> ids, CancellationToken cancellation)
    {
        await using var any = new NpgsqlCommand("SELECT EXISTS (SELECT FROM erased)", connection);
        return (bool)(await any.ExecuteScalarAsync(cancellation))! ? await FindAsync(connection, ids, cancellation) : [];
    }
}
