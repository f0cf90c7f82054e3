using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore.Query;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Models.Clusters;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Discovery;

/// <summary>Reads the customers who are grouped, at most 50,000, in the order of a hash of the seed and their ids.</summary>
internal sealed class ClusterReader(ProfileSides sides)
{
    /// <summary>Customers, at most.</summary>
    public const int Most = 50_000;

    /// <summary>Of a text, values at most; of a set, the most frequent elements.</summary>
    public const int MostValues = 20;

    private const string Table = "cluster_sample";
    private const int Cuts = 100;

    private static readonly LambdaExpression KeyOfCustomer = (Expression<Func<Customer, Evaluation, long>>)((c, x) => c.Key);
    private static readonly LambdaExpression IdOfCustomer = (Expression<Func<Customer, Evaluation, string>>)((c, x) => c.Id);

    /// <summary>Chooses them.</summary>
    /// <param name="pool">Of whom; null for everyone.</param>
    /// <returns>How many are read, and of how many.</returns>
    public async Task<(int Customers, long Of)> ChooseAsync(
        Expression<Func<Customer, bool>>? pool, int seed, CancellationToken cancellation)
    {
        await using (var command = sides.Select(pool, [sides.Read(KeyOfCustomer), sides.Read(IdOfCustomer)]))
        {
            command.CommandText =
                $"""
                CREATE TEMPORARY TABLE {Table} ON COMMIT DROP AS
                SELECT key, (row_number() OVER (ORDER BY hash, id) - 1)::integer AS place, total FROM (
                    SELECT key, id COLLATE "C" AS id, hashtextextended(id COLLATE "C", @cluster_seed) AS hash, count(*) OVER () AS total
                    FROM ({command.CommandText}) AS c (key, id) ORDER BY 3, 2 LIMIT {Most}) s
                """;
            command.Parameters.Add(new NpgsqlParameter("cluster_seed", NpgsqlDbType.Bigint) { Value = (long)seed });
            await command.ExecuteNonQueryAsync(cancellation);
        }

        await sides.ExecuteAsync($"ANALYZE {Table}", cancellation);
        await using var count = sides.Create($"SELECT count(*)::integer, coalesce(max(total), 0) FROM {Table}");
        return (await count.ReadAllAsync(row => (row.GetInt32(0), row.GetInt64(1)), cancellation))[0];
    }

    /// <summary>What they have of fields, in the fields' order.</summary>
    /// <returns>Null where it is a text of too many values.</returns>
    public async Task<List<GroupedField?>> ReadAsync(IReadOnlyList<Field> fields, int customers, CancellationToken cancellation)
    {
        var columns = fields.Select(f => Column.Create(f, customers)).ToList();
        await ReadScalarsAsync([.. columns.OfType<ScalarColumn>()], cancellation);
        foreach (var set in columns.OfType<SetColumn>())
        {
            await ReadAsync(set, cancellation);
        }

        return [.. columns.Select(c => c.Create(sides.At))];
    }

    private async Task ReadScalarsAsync(List<ScalarColumn> columns, CancellationToken cancellation)
    {
        List<Expression> read = [sides.Read(KeyOfCustomer)];
        List<string> names = [], shown = [];
        foreach (var (i, column) in columns.Index())
        {
            var value = sides.Read(column.Field);
            read.Add(value);
            names.Add($"v{i}");
            shown.Add(column is NumberColumn ? ProfileSides.ToNumber(column.Field.Type, $"v{i}") : $"v{i}::text");
            var sent = new Unfold().Visit(value);
            var isAlike = column is NumberColumn || ExpressionEqualityComparer.Instance.Equals(value, sent);
            read.AddRange(isAlike ? [] : [sent]);
            names.AddRange(isAlike ? [] : [$"o{i}"]);
            shown.AddRange(column is NumberColumn ? [] : [isAlike ? $"v{i}::text" : $"o{i}::text"]);
        }

        if (columns.Count == 0)
        {
            return;
        }

        await using var command = sides.Select(null, read);
        command.CommandText =
            $"""
            SELECT s.place, {string.Join(", ", shown)} FROM ({command.CommandText}) AS c (key, {string.Join(", ", names)})
            JOIN {Table} s ON s.key = c.key
            """;
        sides.AddClock(command);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var (place, at) = (reader.GetInt32(0), 1);
            foreach (var column in columns)
            {
                column.Read(reader, place, ref at);
            }
        }
    }

    private async Task ReadAsync(SetColumn set, CancellationToken cancellation)
    {
        var (sent, folded, name) = ProfileFields.ToSql(set.Field);
        await using var command = sides.Create(
            $"SELECT s.place, {sent}, {folded} FROM {Table} s JOIN customers c ON c.key = s.key");
        command.Parameters.Add(new NpgsqlParameter("profile_name", NpgsqlDbType.Text) { Value = name ?? "" });
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            set.Read(reader);
        }
    }

    // Values that are spelled in several ways are one, which is shown as most spell it.
    private sealed class Spellings
    {
        private readonly Dictionary<string, int> codes = new(StringComparer.Ordinal);
        private readonly List<Dictionary<string, int>> sent = [];

        public int Count => sent.Count;

        public int Add(string folded, string asSent)
        {
            if (!codes.TryGetValue(folded, out var code))
            {
                codes.Add(folded, code = Count);
                sent.Add(new(StringComparer.Ordinal));
            }

            sent[code][asSent] = sent[code].GetValueOrDefault(asSent) + 1;
            return code;
        }

        /// <summary>The codes, those that most have first, whatever the order in which they were read.</summary>
        public int[] Order() =>
        [
            .. codes.OrderByDescending(c => sent[c.Value].Values.Sum()).ThenBy(c => c.Key, StringComparer.Ordinal).Select(c => c.Value),
        ];

        public string Name(int code) =>
            sent[code].OrderByDescending(s => s.Value).ThenBy(s => s.Key, StringComparer.Ordinal).First().Key;
    }

    private abstract class Column(Field field)
    {
        public Field Field { get; } = field;

        public static Column Create(Field field, int customers) => field.Type switch
        {
            FieldType.Set => new SetColumn(field, customers),
            FieldType.Text or FieldType.Boolean => new ValueColumn(field, customers),
            _ => new NumberColumn(field, customers),
        };

        public abstract GroupedField? Create(Evaluation at);
    }

    private abstract class ScalarColumn(Field field) : Column(field)
    {
        public abstract void Read(NpgsqlDataReader reader, int place, ref int at);
    }

    private sealed class NumberColumn(Field field, int customers) : ScalarColumn(field)
    {
        private readonly double[] values = new double[customers];

        public override void Read(NpgsqlDataReader reader, int place, ref int at)
        {
            values[place] = reader.IsDBNull(at) ? double.NaN : reader.GetDouble(at);
            at++;
        }

        public override GroupedField Create(Evaluation at)
        {
            double[] known = [.. values.Where(v => !double.IsNaN(v)).Order()];
            ProfileBound[] bounds =
            [
                .. Enumerable.Range(1, known.Length == 0 ? 0 : Cuts - 1)
                    .Select(i => ProfileRules.FindBound(Field, known[(int)((long)i * known.Length / Cuts)], at)).OfType<ProfileBound>()
                    .Where(b => b.Number > known[0]).DistinctBy(b => b.Number).OrderBy(b => b.Number),
            ];
            return new(Field, new NumberField(values, [.. bounds.Select(b => b.Number)]), bounds, []);
        }
    }

    private sealed class ValueColumn : ScalarColumn
    {
        private readonly Spellings spellings = new();
        private readonly int[] codes;

        public ValueColumn(Field field, int customers)
            : base(field)
        {
            codes = new int[customers];
            Array.Fill(codes, -1);
        }

        public override void Read(NpgsqlDataReader reader, int place, ref int at)
        {
            // What has too many is not grouped by: no more of it is kept.
            if (!reader.IsDBNull(at) && spellings.Count <= MostValues)
            {
                codes[place] = spellings.Add(reader.GetString(at), reader.GetString(at + 1));
            }

            at += 2;
        }

        // Of a boolean only who has it.
        public override GroupedField? Create(Evaluation at)
        {
            if (spellings.Count > MostValues)
            {
                return null;
            }

            int[] order = [.. spellings.Order().Where(c => Field.Type == FieldType.Text || spellings.Name(c) == "true")];
            return new(
                Field, new ValueField([.. codes.Select(c => (sbyte)Array.IndexOf(order, c))], order.Length), [],
                [.. order.Select(code => ProfileFields.Spell(Field, spellings.Name(code)))]);
        }
    }

    private sealed class SetColumn(Field field, int customers) : Column(field)
    {
        private readonly Spellings spellings = new();
        private readonly int[][] codes = new int[customers][];

        public void Read(NpgsqlDataReader reader)
        {
            // What a customer has twice counts once.
            var folded = reader.IsDBNull(2) ? [] : reader.GetFieldValue<string[]>(2);
            var sent = folded.Length == 0 ? [] : reader.GetFieldValue<string[]>(1);
            codes[reader.GetInt32(0)] =
                [.. folded.Index().DistinctBy(f => f.Item).Select(f => spellings.Add(f.Item, sent[f.Index]))];
        }

        public override GroupedField Create(Evaluation at)
        {
            int[] order = [.. spellings.Order().Take(MostValues)];
            var bits = order.Index().ToDictionary(o => o.Item, o => 1 << o.Index);
            int[] elements = [.. codes.Select(c => c.Sum(code => bits.GetValueOrDefault(code)))];
            return new(Field, new SetField(elements, order.Length), [], [.. order.Select(spellings.Name)]);
        }
    }
}
