using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore.Query;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Insight;

/// <summary>Counts the values of texts, booleans and sets on both sides, of many fields in one scan.</summary>
internal sealed class ProfileValues(ProfileSides sides, int minimumGroup)
{
    // GROUPING takes 31.
    private const int FieldsAtOnce = 30;

    // Values that are spelled in several ways are one; the rest is the same for all that is counted.
    private static readonly string Rank =
        $"""
        , folded AS (
            SELECT g, f, (array_agg(o ORDER BY n DESC, o))[1] AS o, sum(m)::bigint AS m, sum(n)::bigint AS n FROM counted GROUP BY g, f
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY g, f IS NULL ORDER BY n DESC, f COLLATE "C") AS rank,
                count(f) OVER (PARTITION BY g) AS distinct_values
            FROM folded
        )
        SELECT g, f, o, m, n - m, distinct_values FROM ranked
        WHERE f IS NULL OR rank = 1 OR (rank <= {ValueCounts.MaxValues} AND n >= @profile_minimum)
        """;

    /// <summary>Of texts and booleans; in the fields' order.</summary>
    public async Task<List<ValueCounts>> CountAsync(IReadOnlyList<Field> fields, CancellationToken cancellation)
    {
        List<ValueCounts> counts = [];
        foreach (var some in fields.Chunk(FieldsAtOnce))
        {
            counts.AddRange(await CountAsync(some, cancellation));
        }

        return counts;
    }

    /// <summary>Of the elements of a set; what a customer has twice counts once.</summary>
    /// <param name="sent">The array of its elements as they were sent, in SQL over the customer <c>c</c>.</param>
    /// <param name="folded">As rules read them, likewise.</param>
    /// <param name="name">Of an attribute, which that SQL calls <c>@profile_name</c>.</param>
    public async Task<ValueCounts> CountElementsAsync(string sent, string folded, string? name, CancellationToken cancellation)
    {
        // Arrays are taken apart where they are read: joined to their elements, each customer's would be a plan of its own.
        await using var command = sides.Create(
            $"""
            WITH counted AS (
                SELECT 0 AS g, f, o, count(*) FILTER (WHERE member) AS m, count(*) AS n FROM (
                    SELECT member, folded, unnest(folded) AS f, unnest(sent) AS o, generate_subscripts(folded, 1) AS place FROM (
                        SELECT s.member, {sent} AS sent,
                            CASE coalesce(cardinality({folded}), 0) WHEN 0 THEN ARRAY[NULL]::text[] ELSE {folded} END AS folded
                        FROM {ProfileSides.Table} s JOIN customers c ON c.key = s.key OFFSET 0) a) e
                WHERE f IS NULL OR array_position(folded, f) = place
                GROUP BY f, o
            ){Rank}
            """);
        command.Parameters.Add(new NpgsqlParameter("profile_name", NpgsqlDbType.Text) { Value = name ?? "" });
        return (await ReadAsync(command, 1, g => g, cancellation))[0];
    }

    private async Task<List<ValueCounts>> CountAsync(Field[] fields, CancellationToken cancellation)
    {
        List<Expression> columns = [sides.Read(KeyOfCustomer)];
        List<(string Folded, string Sent)> names = [];
        foreach (var (i, field) in fields.Index())
        {
            var folded = sides.Read(field);
            var sent = new Unfold().Visit(folded);
            columns.Add(folded);
            var isAlike = ExpressionEqualityComparer.Instance.Equals(folded, sent);
            names.Add(($"f{i}", isAlike ? $"f{i}" : $"o{i}"));
            columns.AddRange(isAlike ? [] : [sent]);
        }

        await using var command = sides.Select(null, columns);
        var all = names.SelectMany(n => new[] { n.Folded, n.Sent }.Distinct()).ToList();
        command.CommandText =
            $"""
            WITH counted AS (
                SELECT GROUPING({Join(names.Select(n => n.Folded))}) AS g, coalesce({Join(names.Select(n => n.Folded + "::text"))}) AS f,
                    coalesce({Join(names.Select(n => n.Sent + "::text"))}) AS o, count(*) FILTER (WHERE s.member) AS m, count(*) AS n
                FROM ({command.CommandText}) AS c (key, {Join(all)}) JOIN {ProfileSides.Table} s ON s.key = c.key
                GROUP BY GROUPING SETS ({Join(names.Select(n => n.Folded == n.Sent ? $"({n.Folded})" : $"({n.Folded}, {n.Sent})"))})
            ){Rank}
            """;

        // Of the bits, the first field's is the highest; all but its own are 1.
        var whole = (1 << fields.Length) - 1;
        var counts = await ReadAsync(command, fields.Length, g => fields.Length - 1 - int.Log2(whole & ~g), cancellation);
        return
        [
            .. counts.Zip(fields, (c, field) => c with
            {
                Values = [.. c.Values.Select(v => v.Value is { } name ? v with { Value = ProfileFields.Spell(field, name) } : v)],
            }),
        ];
    }

    private async Task<List<ValueCounts>> ReadAsync(
        NpgsqlCommand command, int count, Func<int, int> index, CancellationToken cancellation)
    {
        command.Parameters.Add(new NpgsqlParameter("profile_minimum", NpgsqlDbType.Bigint) { Value = (long)minimumGroup });
        var values = Enumerable.Range(0, count).Select(_ => new List<ValueCount>()).ToList();
        var distinct = new long[count];
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var i = index(reader.GetInt32(0));
            var folded = reader.IsDBNull(1) ? null : reader.GetString(1);
            var found = new ValueCount(folded is null ? null : reader.GetString(2), folded, reader.GetInt64(3), reader.GetInt64(4));
            distinct[i] = reader.GetInt64(5);
            if (folded is null || found.Members + found.Others >= minimumGroup)
            {
                values[i].Add(found);
            }
        }

        return [.. values.Select((v, i) => new ValueCounts(v, distinct[i] - v.Count(x => x.Folded is not null)))];
    }

    private static string Join(IEnumerable<string> parts) => string.Join(", ", parts);

    /// <summary>What a customer is found by.</summary>
    public static readonly LambdaExpression KeyOfCustomer =
        (Expression<Func<Customers.Customer, Rules.Evaluation, long>>)((c, x) => c.Key);
}
