using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Segments;

/// <summary>Suggests values of what is inside events. But for types and times, those of the last events.</summary>
public sealed class EventSuggestions(SegmentationDb db, Work work)
{
    /// <summary>Values of a field of events that begin with a text; in order.</summary>
    /// <param name="prefix">Normalized.</param>
    public async Task<FieldValues> ReadAsync(Field field, string prefix, CancellationToken cancellation) => field switch
    {
        { Range: { } range } => new FieldValues([], range.Least, range.Greatest),
        { Name: "type" } => new FieldValues(await ReadTypesAsync(prefix, cancellation)),
        { Name: "channel" } => await ReadAsync("channel", "channel_sent", null, null, [], prefix, cancellation),
        { Name: "occurredAt" } => await ReadTimesAsync(cancellation),
        { Name: "amount" } => await ReadAsync("NULL::text", "NULL::text", "amount", null, [], prefix, cancellation),
        { Type: FieldType.Property } => await ReadAsync(
            "CASE jsonb_typeof(properties #> $4) WHEN 'string' THEN properties #>> $4 END",
            "properties_sent #>> $4",
            "CASE jsonb_typeof(properties_sent #> $4) WHEN 'number' THEN (properties_sent #> $4)::numeric END",
            "CASE jsonb_typeof(properties_sent #> $4) WHEN 'boolean' THEN properties_sent #>> $4 END",
            field.Name["properties.".Length..].Split('.'),
            prefix,
            cancellation),
        _ => throw ApiProblem.Invalid("name", $"{field.Name} has no values to list."),
    };

    // There are few types in many rows: hop from each to the next in the index.
    private async Task<IReadOnlyList<string>> ReadTypesAsync(string prefix, CancellationToken cancellation)
    {
        List<string> types = [];
        string? last = null;
        while (types.Count < FieldSuggestions.MaxItems)
        {
            var next = last is null
                ? db.Events.Where(e => string.Compare(e.Type, prefix) >= 0)
                : db.Events.Where(e => string.Compare(e.Type, last) > 0);
            var found = await next.OrderBy(e => e.Type).Select(e => new { e.Type, e.TypeSent }).FirstOrDefaultAsync(cancellation);
            if (found is null || !found.Type.StartsWith(prefix, StringComparison.Ordinal))
            {
                break;
            }

            types.Add(found.TypeSent ?? found.Type);
            last = found.Type;
        }

        return types;
    }

    // The last and the first of each type stand at the ends of its part of the index.
    private async Task<FieldValues> ReadTimesAsync(CancellationToken cancellation)
    {
        await using var command = work.Source.CreateCommand(
            $"""
            {RecentEvents.With} SELECT min(e.first), max(e.last) FROM types t CROSS JOIN LATERAL (
                SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM events WHERE type = t.type) e
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return reader.IsDBNull(0)
            ? new FieldValues([])
            : new FieldValues([], reader.GetFieldValue<DateTimeOffset>(0), reader.GetFieldValue<DateTimeOffset>(1));
    }

    // The arguments are SQL of this class; what the request says are parameters.
    private async Task<FieldValues> ReadAsync(
        string folded, string original, string? number, string? boolean, string[] path, string prefix, CancellationToken cancellation)
    {
        await using var command = work.Source.CreateCommand(
            $"""
            {RecentEvents.With}, seen AS MATERIALIZED (
                SELECT {folded} AS folded, {original} AS original, {number ?? "NULL::numeric"} AS number, {boolean ?? "NULL::text"} AS flag
                FROM recent WHERE $3 OR properties IS NOT NULL
            )
            SELECT ARRAY(
                SELECT max(original) FROM (
                    SELECT folded, original FROM seen WHERE starts_with(folded, $1)
                    UNION ALL
                    SELECT flag, flag FROM seen WHERE starts_with(flag, $1)) texts
                GROUP BY folded ORDER BY folded LIMIT $2), min(number)::text, max(number)::text
            FROM seen
            """);
        command.Parameters.Add(SqlParameter.Create(prefix, NpgsqlDbType.Text));
        command.Parameters.Add(SqlParameter.Create(FieldSuggestions.MaxItems, NpgsqlDbType.Integer));
        command.Parameters.Add(SqlParameter.Create(path.Length == 0, NpgsqlDbType.Boolean));
        command.Parameters.Add(SqlParameter.Create(path, NpgsqlDbType.Array | NpgsqlDbType.Text));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        var values = reader.GetFieldValue<string[]>(0);
        return reader.IsDBNull(1) ? new FieldValues(values) : new FieldValues(values, Number(1), Number(2));

        // As many digits as it has.
        JsonElement Number(int column) => JsonElement.Parse(reader.GetString(column));
    }
}
