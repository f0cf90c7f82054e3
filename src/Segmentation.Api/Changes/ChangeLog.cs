using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Changes;

/// <summary>
/// The only writer of the change log (table <c>membership_work</c>): whoever writes customers, events or
/// definitions appends to it in the same transaction, so that neither the change nor the need to evaluate it is
/// ever lost. Maintenance of membership reads it, and deletes what is done.
/// </summary>
/// <remarks>
/// Writers of many rows append in the statement that writes them: for those, a method gives the SQL of one common table expression. Causes
/// are numbers in it, so that the statement's own parameters keep their places.
/// </remarks>
internal static class ChangeLog
{
    /// <summary>
    /// Customers in one row, at most, of those that events are stored of: bulk is throttled by how fast its rows are evaluated.
    /// </summary>
    private const int EventRowKeys = 1000;

    /// <summary>Appends a customer whose profile was written; saved with the context's other changes.</summary>
    /// <param name="changed">The members that changed (<c>Demographic.GenderFolded</c>); null for a customer that is new.</param>
    /// <param name="cause">What of it was written, where that was all.</param>
    public static void AppendProfile(
        SegmentationDb db, long key, string[]? changed, MembershipCause cause = MembershipCause.Profile) =>
        db.ChangeLog.Add(new ChangeLogEntry { Cause = cause, Keys = [key], Changed = changed, Created = changed is null });

    /// <summary>Appends a customer that is erased; saved with the context's other changes.</summary>
    /// <param name="id">The id that it had.</param>
    /// <param name="stays">Whether it is still there, as somebody whom nobody knows: then any segment may lose it, or get it.</param>
    public static void AppendErased(SegmentationDb db, long key, string id, bool stays = false) =>
        db.ChangeLog.Add(new ChangeLogEntry { Cause = MembershipCause.Erased, Keys = [key], ErasedId = id, Created = stays });

    /// <summary>Takes out of what waits the ids of a customer's events: it is told as of an event, and not which.</summary>
    public static Task ForgetEventIdsAsync(SegmentationDb db, long key, CancellationToken cancellation) => db.Database.ExecuteSqlAsync(
        $"""
        UPDATE membership_work SET event_ids = ARRAY(
            SELECT CASE WHEN u.key = {key} THEN NULL ELSE u.id END FROM unnest(keys, event_ids) WITH ORDINALITY u (key, id, place)
            ORDER BY place)
        WHERE event_ids IS NOT NULL AND keys @> ARRAY[{key}]
        """, cancellation);

    /// <summary>SQL that appends a customer whose last events have become anonymous.</summary>
    /// <param name="key">A parameter.</param>
    public static string AppendAnonymousSql(string key) =>
        $"INSERT INTO membership_work (cause, keys, created) VALUES ({(short)MembershipCause.Erased}, ARRAY[{key}::bigint], true)";

    /// <summary>
    /// Appends that any customer may have been written: every segment is built anew. Saved with the context's other changes.
    /// </summary>
    public static void AppendEveryone(SegmentationDb db, MembershipCause cause) => db.ChangeLog.Add(new ChangeLogEntry { Cause = cause });

    /// <summary>SQL that appends customers of whom nothing but some members was written.</summary>
    /// <param name="cause">What wrote them: scoring, a consent, or the passing of the time for which events are kept.</param>
    /// <param name="members">Their names.</param>
    /// <param name="rows">Rows with <c>key</c>.</param>
    /// <param name="everyone">Whether they are so many that the segments that read these members are to be built anew.</param>
    public static string AppendMembersSql(MembershipCause cause, IEnumerable<string> members, string rows, bool everyone = false) =>
        "INSERT INTO membership_work (cause, keys, changed, created) " +
        $"SELECT {(short)cause}, {(everyone ? "NULL" : "array_agg(key)")}, " +
        $"ARRAY[{string.Join(", ", members.Select(m => $"'{m}'"))}], false " +
        $"FROM {rows} HAVING count(*) > 0";

    /// <summary>SQL that appends customers that events have made.</summary>
    /// <param name="created">Rows with <c>key</c>.</param>
    public static string AppendCreatedSql(string created) =>
        "INSERT INTO membership_work (cause, keys, created) " +
        $"SELECT {(short)MembershipCause.Event}, array_agg(key), true FROM {created} HAVING count(*) > 0";

    /// <summary>SQL that appends customers that were imported: those that are new and those that are not, a row each.</summary>
    /// <param name="stored">Rows with <c>key</c> and <c>version</c>, which is 1 for a new customer.</param>
    public static string AppendImportedSql(string stored) =>
        "INSERT INTO membership_work (cause, keys, created) " +
        $"SELECT {(short)MembershipCause.Import}, array_agg(key), version = 1 FROM {stored} GROUP BY version = 1";

    /// <summary>SQL that appends stored events: of each customer and type the latest one's id and the earliest one's time.</summary>
    /// <param name="stored">Rows with <c>customer_key</c>, <c>type</c>, <c>id</c> and <c>occurred_at</c>.</param>
    public static string AppendEventsSql(string stored) =>
        $"""
        INSERT INTO membership_work (cause, keys, event_types, event_ids, event_times, created)
        SELECT {(short)MembershipCause.Event}, array_agg(customer_key), array_agg(type), array_agg(id), array_agg(earliest), false
        FROM (
            SELECT *, (row_number() OVER (ORDER BY type, customer_key) - 1) / {EventRowKeys} AS part
            FROM (
                SELECT DISTINCT ON (customer_key, type) customer_key, type, id,
                    min(occurred_at) OVER (PARTITION BY customer_key, type) AS earliest
                FROM {stored} ORDER BY customer_key, type, occurred_at DESC) AS latest) AS parts
        GROUP BY part ORDER BY part
        """;

    /// <summary>SQL that appends customers whose membership of one segment is to be evaluated again.</summary>
    /// <param name="cause">A number or a parameter.</param>
    /// <param name="segment">The segment's id, or a parameter.</param>
    /// <param name="rows">Rows with <c>key</c>.</param>
    public static string AppendForSegmentSql(string cause, string segment, string rows) =>
        "INSERT INTO membership_work (cause, segment_id, keys, created) " +
        $"SELECT {cause}, {segment}, array_agg(key), false FROM {rows} HAVING count(*) > 0";

    /// <summary>Appends customers that were put into a manual segment or taken out of it.</summary>
    /// <param name="customers">Their ids; those that no customer has are left out.</param>
    public static Task AppendManualAsync(SegmentationDb db, int segment, string[] customers, CancellationToken cancellation) =>
        db.Database.ExecuteSqlRawAsync(
            AppendForSegmentSql($"{(short)MembershipCause.Manual}", "{0}", "customers WHERE id = ANY ({1})"),
            [segment, customers],
            cancellation);

    /// <summary>SQL that appends one segment to be built anew, unless that is waiting already.</summary>
    /// <param name="segment">The segment's id.</param>
    public static FormattableString AppendRefreshSql(int segment) =>
        $"""
        INSERT INTO membership_work (cause, segment_id, created) SELECT {(short)MembershipCause.Refresh}, {segment}, false
        WHERE NOT EXISTS (
            SELECT FROM membership_work WHERE segment_id = {segment} AND cause = {(short)MembershipCause.Refresh} AND keys IS NULL)
        """;

    /// <summary>Appends segments to be built anew.</summary>
    /// <param name="replaced">Entries that they stand for, which are deleted.</param>
    public static async Task AppendSegmentsAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, MembershipCause cause, int[] segments, long[] replaced,
        CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            $"""
            WITH replaced AS ({DeleteSql("$1")})
            INSERT INTO membership_work (cause, segment_id, created) SELECT $2, s, false FROM unnest($3) s
            """, connection, transaction)
        {
            Parameters =
            {
                SqlParameter.Create(replaced, NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                SqlParameter.Create((short)cause, NpgsqlDbType.Smallint),
                SqlParameter.Create(segments, NpgsqlDbType.Array | NpgsqlDbType.Integer),
            },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>Appends customers to be evaluated again when a segment's build has ended.</summary>
    /// <param name="eventTypes">Of each customer the type of the event that it is evaluated for, with <paramref name="eventIds"/>; null
    /// where none is.</param>
    public static async Task AppendDeferredAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, MembershipCause cause, int segment, long[] keys, string[]? eventTypes,
        string?[]? eventIds,
        CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            "INSERT INTO membership_work (cause, segment_id, keys, event_types, event_ids, created) VALUES ($1, $2, $3, $4, $5, false)",
            connection,
            transaction)
        {
            Parameters =
            {
                SqlParameter.Create((short)cause, NpgsqlDbType.Smallint), SqlParameter.Create(segment, NpgsqlDbType.Integer),
                SqlParameter.Create(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                new NpgsqlParameter { Value = (object?)eventTypes ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                new NpgsqlParameter { Value = (object?)eventIds ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
            },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>SQL that selects the erased customers among some, as rows with <c>key</c> and <c>id</c>.</summary>
    /// <param name="keys">A parameter: the customers' keys.</param>
    public static string SelectErasedSql(string keys) =>
        $"""
        SELECT w.keys[1] AS key, w.erased_id AS id FROM membership_work w
        WHERE w.cause = {(short)MembershipCause.Erased} AND w.erased_id IS NOT NULL AND w.keys[1] = ANY ({keys})
        """;

    /// <summary>SQL that deletes entries.</summary>
    /// <param name="ids">A parameter: their ids.</param>
    public static string DeleteSql(string ids) => $"DELETE FROM membership_work WHERE id = ANY ({ids})";

    /// <summary>SQL that deletes all entries of a segment.</summary>
    /// <param name="segment">A parameter: the segment's id.</param>
    public static string DeleteOfSegmentSql(string segment) => $"DELETE FROM membership_work WHERE segment_id = {segment}";

    /// <summary>SQL that deletes those entries of a segment that have it built anew for one cause.</summary>
    /// <param name="segment">A parameter: the segment's id.</param>
    /// <param name="cause">A parameter: the cause.</param>
    public static string DeleteBuildsOfSegmentSql(string segment, string cause) =>
        $"DELETE FROM membership_work WHERE segment_id = {segment} AND keys IS NULL AND cause = {cause}";

    /// <summary>Deletes entries that are done.</summary>
    public static async Task DeleteAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long[] entries, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(DeleteSql("$1"), connection, transaction)
        {
            Parameters = { SqlParameter.Create(entries, NpgsqlDbType.Array | NpgsqlDbType.Bigint) },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
