using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;

namespace Segmentation.Api.Rights;

/// <summary>
/// Who was erased, outside the database: a line each, of the mark of its id and the instant, after one that tells which key the marks are
/// of. A backup that is restored does not know who was erased since; this does.
/// </summary>
internal static class ErasureList
{
    private const int PageRows = 10_000;

    /// <summary>Writes the list to a file, in the place of what it was, all at once.</summary>
    /// <param name="key">That of the marks.</param>
    public static async Task WriteAsync(string file, NpgsqlDataSource database, byte[] key, CancellationToken cancellation)
    {
        var next = $"{file}.{Path.GetRandomFileName()}"; // Who leads no longer may still be writing, for a moment.
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        try
        {
            await using (var stream = new FileStream(next, options))
            await using (var text = new StreamWriter(stream, new UTF8Encoding(false)) { NewLine = "\n" })
            {
                await text.WriteLineAsync(FirstLine(key));
                await using var command = database.CreateCommand("SELECT id_hmac, at FROM erased ORDER BY at, id_hmac");
                await using var reader = await command.ExecuteReaderAsync(cancellation);
                while (await reader.ReadAsync(cancellation))
                {
                    await text.WriteLineAsync(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Convert.ToHexStringLower((byte[])reader[0])} {reader.GetFieldValue<DateTimeOffset>(1).UtcDateTime:O}"));
                }
            }

            File.Move(next, file, overwrite: true);
        }
        finally
        {
            File.Delete(next); // What was written halfway.
        }
    }

    /// <summary>Adds the lines of a file to what the database has.</summary>
    /// <exception cref="InvalidDataException">It is no list that the database has the key of.</exception>
    public static async Task ReadAsync(string file, NpgsqlDataSource database, byte[] key, CancellationToken cancellation)
    {
        var (ids, instants) = (new List<byte[]>(), new List<DateTimeOffset>());
        var lines = await File.ReadAllLinesAsync(file, cancellation);
        if (lines is not [var first, ..] || first != FirstLine(key))
        {
            throw new InvalidDataException(
                $"{PrivacyOptions.Section}:ErasureListFile, {file}, is no list of erasures that this database has the key of: restore a "
                + "backup that was made after the list was begun, with the Secrets:KeyFile of then.");
        }

        foreach (var line in lines.Skip(1))
        {
            if (line.Split(' ') is not [{ Length: 2 * CustomerMarks.Size } mark, var at]
                || !mark.All(char.IsAsciiHexDigit)
                || !DateTimeOffset.TryParseExact(
                    at, "O", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant))
            {
                throw new InvalidDataException($"{file}: each line must be a mark and an instant. Take a copy that is whole.");
            }

            ids.Add(Convert.FromHexString(mark));
            instants.Add(instant);
        }

        await database.ExecuteAsync(
            """
            INSERT INTO erased (id_hmac, at) SELECT mark, max(at) FROM unnest($1, $2) AS r (mark, at) GROUP BY mark
            ON CONFLICT (id_hmac) DO UPDATE SET at = greatest(erased.at, excluded.at)
            """,
            cancellation,
            SqlParameter.Create(ids.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bytea),
            SqlParameter.Create(instants.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.TimestampTz));
    }

    /// <summary>
    /// Erases again whom the list has: customers that were made before they were erased, and what else is held of those who are no
    /// customers.
    /// </summary>
    /// <returns>How many were there.</returns>
    /// <exception cref="InvalidDataException">The file is no list that the database has the key of; the message is for its operator.
    /// </exception>
    public static async Task<int> ReapplyAsync(IServiceProvider services, CancellationToken cancellation)
    {
        var database = services.GetRequiredKeyedService<NpgsqlDataSource>(WorkClass.Keeper);
        var key = await services.GetRequiredService<CustomerMarks>().GetKeyAsync(cancellation);
        var file = services.GetRequiredService<PrivacyOptions>().ErasureListFile;
        if (!File.Exists(file))
        {
            throw new InvalidDataException(
                $"{PrivacyOptions.Section}:ErasureListFile names no file that is there ({(string.IsNullOrEmpty(file) ? "none" : file)}): "
                + "without the list nobody knows whom the backup still has.");
        }

        await ReadAsync(file, database, key, cancellation);
        var erased = (await database.QueryAsync(
            "SELECT id_hmac, at FROM erased", r => (Mark: (byte[])r[0], At: r.GetFieldValue<DateTimeOffset>(1)), cancellation))
            .ToDictionary(r => Convert.ToHexString(r.Mark), r => r.At);
        var count = 0;
        if (erased.Count == 0)
        {
            return count;
        }

        for (long? after = long.MinValue; after is { } last;)
        {
            var page = await database.QueryAsync(
                "SELECT key, id, created_at FROM customers WHERE key > $1 ORDER BY key LIMIT $2",
                r => (Key: r.GetInt64(0), Id: r.GetString(1), CreatedAt: r.GetFieldValue<DateTimeOffset>(2)), cancellation,
                SqlParameter.Create(last), SqlParameter.Create(PageRows));
            foreach (var (_, id, createdAt) in page)
            {
                if (Find(id) is { } at && createdAt < at)
                {
                    await EraseAsync(id, at);
                }
            }

            after = page is [.., var (end, _, _)] ? end : null;
        }

        foreach (var id in await database.QueryAsync(OthersSql, r => r.GetString(0), cancellation))
        {
            if (Find(id) is { } at)
            {
                await EraseAsync(id, at);
            }
        }

        return count;

        DateTimeOffset? Find(string id) =>
            erased.TryGetValue(Convert.ToHexString(CustomerMarks.Compute(key, id)), out var at) ? at : null;

        async Task EraseAsync(string id, DateTimeOffset at)
        {
            await using var scope = services.CreateAsyncScope();
            await scope.ServiceProvider.GetRequiredService<CustomerErasure>().EraseAsync(id, _ => true, cancellation, at);
            count++;
        }
    }

    private static string FirstLine(byte[] key) => $"erasures {CustomerMarks.Write(CustomerMarks.Compute(key, "erasures"))}";

    private const string OthersSql =
        """
        SELECT id FROM (
            SELECT customer_id FROM import_rejections UNION SELECT customer_id FROM visitor_links
            UNION SELECT customer_id FROM experiment_units UNION SELECT customer_id FROM impressions) AS others (id)
        WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM customers c WHERE c.id = others.id)
        """;
}
