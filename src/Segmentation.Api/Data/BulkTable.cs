using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using NpgsqlTypes;

namespace Segmentation.Api.Data;

/// <summary>
/// Writes many entities at once, past the change tracker: by binary COPY, or as arrays for <c>unnest</c>. Columns, their types and how to read
/// them come from the EF model, so that a new property needs no second list.
/// </summary>
public sealed class BulkTable<T>
    where T : class
{
    private readonly Column[] columns;

    private BulkTable(IEntityType entity)
    {
        Name = entity.GetTableName()!;
        var table = StoreObjectIdentifier.Table(Name, entity.GetSchema());

        // What the database makes (an identity) is not ours to write.
        columns = [.. entity.GetFlattenedProperties()
            .Where(p => p.ValueGenerated == ValueGenerated.Never)
            .Select(p => Column.Of(p, p.GetColumnName(table)!))];
    }

    private BulkTable(string name, Column[] columns) => (Name, this.columns) = (name, columns);

    /// <summary>The table's name in the database.</summary>
    public string Name { get; }

    /// <summary>The columns' names, in the order in which they are written.</summary>
    public IEnumerable<string> Columns => columns.Select(c => c.Name);

    /// <summary>The columns' names as SQL lists them.</summary>
    public string ColumnList => string.Join(", ", Columns);

    /// <summary>The table of an entity; made once a model.</summary>
    public static BulkTable<T> Of(IModel model) => model.FindEntityType(typeof(T))!.GetOrAddRuntimeAnnotationValue(
        "Segmentation:BulkTable", static entity => new BulkTable<T>(entity!), model.FindEntityType(typeof(T)));

    /// <summary>The same table without some of its columns.</summary>
    public BulkTable<T> Without(params IReadOnlyCollection<string> names) => new(Name, [.. columns.Where(c => !names.Contains(c.Name))]);

    /// <summary>Copies rows into this table, or into another that has the same columns.</summary>
    public async Task CopyAsync(NpgsqlConnection connection, IEnumerable<T> rows, CancellationToken cancellation, string? into = null)
    {
        await using var importer = await connection.BeginBinaryImportAsync($"COPY {into ?? Name} ({ColumnList}) FROM STDIN (FORMAT BINARY)", cancellation);

        // The importer's own timeout would be the pool's default for a statement; the caller's token ends it instead.
        importer.Timeout = Timeout.InfiniteTimeSpan;
        foreach (var row in rows)
        {
            await importer.StartRowAsync(cancellation);
            foreach (var column in columns)
            {
                await column.WriteAsync(importer, row, cancellation);
            }
        }

        await importer.CompleteAsync(cancellation);
    }

    /// <summary>Adds one array a column as the next positional parameters, for <c>unnest($1, $2, …)</c>. Not for columns that are arrays.</summary>
    public void AddArrays(NpgsqlParameterCollection parameters, IReadOnlyList<T> rows)
    {
        foreach (var column in columns)
        {
            parameters.Add(column.Array(rows));
        }
    }

    private abstract class Column(string name, NpgsqlDbType type)
    {
        public string Name => name;

        protected NpgsqlDbType Type => type;

        public abstract Task WriteAsync(NpgsqlBinaryImporter importer, T row, CancellationToken cancellation);

        public abstract NpgsqlParameter Array(IReadOnlyList<T> rows);

        public static Column Of(IProperty property, string name)
        {
            var mapping = property.GetRelationalTypeMapping();
            using var probe = new NpgsqlCommand();
            var type = ((NpgsqlParameter)mapping.CreateParameter(probe, "p", null)).NpgsqlDbType;
            var row = Expression.Parameter(typeof(T), "row");
            var value = Read(row, property);
            if (mapping.Converter is { } converter)
            {
                value = Expression.Invoke(converter.ConvertToProviderExpression, value);
            }

            // JSON goes as its text: the driver would parse and write it again.
            if (value.Type == typeof(JsonElement) || value.Type == typeof(JsonElement?))
            {
                Expression<Func<JsonElement?, string?>> text = json => json == null ? null : json.Value.GetRawText();
                value = Expression.Invoke(text, Expression.Convert(value, typeof(JsonElement?)));
            }

            var kind = Nullable.GetUnderlyingType(value.Type) is { } bare ? typeof(NullableColumn<>).MakeGenericType(typeof(T), bare)
                : value.Type.IsValueType ? typeof(ValueColumn<>).MakeGenericType(typeof(T), value.Type)
                : typeof(ReferenceColumn<>).MakeGenericType(typeof(T), value.Type);
            return (Column)Activator.CreateInstance(kind, name, type, Expression.Lambda(value, row).Compile())!;
        }

        private static Expression Read(Expression row, IPropertyBase property) => property.DeclaringType is IComplexType part
            ? Expression.Property(Read(row, part.ComplexProperty), property.PropertyInfo!)
            : Expression.Property(row, property.PropertyInfo!);
    }

    private sealed class ValueColumn<TValue>(string name, NpgsqlDbType type, Func<T, TValue> read) : Column(name, type)
        where TValue : struct
    {
        public override Task WriteAsync(NpgsqlBinaryImporter importer, T row, CancellationToken cancellation) => importer.WriteAsync(read(row), Type, cancellation);

        public override NpgsqlParameter Array(IReadOnlyList<T> rows)
        {
            var values = new TValue[rows.Count];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = read(rows[i]);
            }

            return new NpgsqlParameter<TValue[]> { NpgsqlDbType = NpgsqlDbType.Array | Type, TypedValue = values };
        }
    }

    private sealed class NullableColumn<TValue>(string name, NpgsqlDbType type, Func<T, TValue?> read) : Column(name, type)
        where TValue : struct
    {
        public override Task WriteAsync(NpgsqlBinaryImporter importer, T row, CancellationToken cancellation) =>
            read(row) is { } value ? importer.WriteAsync(value, Type, cancellation) : importer.WriteNullAsync(cancellation);

        public override NpgsqlParameter Array(IReadOnlyList<T> rows)
        {
            var values = new TValue?[rows.Count];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = read(rows[i]);
            }

            return new NpgsqlParameter<TValue?[]> { NpgsqlDbType = NpgsqlDbType.Array | Type, TypedValue = values };
        }
    }

    private sealed class ReferenceColumn<TValue>(string name, NpgsqlDbType type, Func<T, TValue?> read) : Column(name, type)
        where TValue : class
    {
        public override Task WriteAsync(NpgsqlBinaryImporter importer, T row, CancellationToken cancellation) =>
            read(row) is { } value ? importer.WriteAsync(value, Type, cancellation) : importer.WriteNullAsync(cancellation);

        public override NpgsqlParameter Array(IReadOnlyList<T> rows)
        {
            var values = new TValue?[rows.Count];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = read(rows[i]);
            }

            return new NpgsqlParameter<TValue?[]> { NpgsqlDbType = NpgsqlDbType.Array | Type, TypedValue = values };
        }
    }
}
