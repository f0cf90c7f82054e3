using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using NpgsqlTypes;

namespace Segmentation.Api.Data;

/// <summary>
/// Writes many entities at once, past the change tracker: by binary COPY, or as arrays for <c>unnest</c>. Columns, their types and how to
/// read them come from the EF model, so that a new property needs no second list.
/// </summary>
public sealed class BulkTable<T>
    where T : class
{
    private const int ChunkBytes = 48 * 1024;
    private readonly Column[] columns;
    private readonly Action<CopyBuffer, T> encode;

    private BulkTable(IEntityType entity)
    {
        Name = entity.GetTableName()!;
        var table = StoreObjectIdentifier.Table(Name, entity.GetSchema());

        // What the database generates (an identity) is not written.
        var properties = entity.GetFlattenedProperties().Where(p => p.ValueGenerated == ValueGenerated.Never).ToArray();
        columns = [.. properties.Select(p => Column.Create(p, p.GetColumnName(table)!))];
        encode = Encoder(properties);
    }

    /// <summary>The table's name in the database.</summary>
    public string Name { get; }

    /// <summary>The columns' names, in the order in which they are written.</summary>
    public IEnumerable<string> Columns => columns.Select(c => c.Name);

    /// <summary>The columns' names as SQL lists them.</summary>
    public string ColumnList => string.Join(", ", Columns);

    /// <summary>The table of an entity; made once a model.</summary>
    public static BulkTable<T> For(IModel model) => model.FindEntityType(typeof(T))!.GetOrAddRuntimeAnnotationValue(
        "Segmentation:BulkTable", static entity => new BulkTable<T>(entity!), model.FindEntityType(typeof(T)));

    /// <summary>Copies rows into this table.</summary>
    public Task CopyAsync(NpgsqlConnection connection, IEnumerable<T> rows, CancellationToken cancellation) =>
        CopyAsync(connection, Name, rows, cancellation);

    /// <summary>Copies rows into a table that has these columns.</summary>
    public Task CopyAsync(NpgsqlConnection connection, string into, IEnumerable<T> rows, CancellationToken cancellation)
    {
        var buffer = new CopyBuffer();
        return CopyAsync(connection, into, rows.Select(row =>
        {
            buffer.Clear();
            Encode(row, buffer);
            return buffer.Written;
        }), cancellation);
    }

    /// <summary>Copies rows that are encoded already into a table that has these columns.</summary>
    internal async Task CopyAsync(
        NpgsqlConnection connection, string into, IEnumerable<ReadOnlyMemory<byte>> encoded, CancellationToken cancellation)
    {
        var chunk = new CopyBuffer();
        chunk.Append(CopyBuffer.Header);
        await using var stream = await connection.BeginRawBinaryCopyAsync(
            $"COPY {into} ({ColumnList}) FROM STDIN (FORMAT BINARY)", cancellation);
        try
        {
            foreach (var row in encoded)
            {
                chunk.Append(row.Span);
                if (chunk.Length >= ChunkBytes)
                {
                    await stream.WriteAsync(chunk.Written, cancellation);
                    chunk.Clear();
                }
            }

            chunk.Append(CopyBuffer.Trailer);
            await stream.WriteAsync(chunk.Written, cancellation);
            await stream.FlushAsync(cancellation);
        }
        catch
        {
            // Disposed without this, it would store what was written so far.
            await stream.CancelAsync();
            throw;
        }
    }

    /// <summary>Appends a row in COPY's format.</summary>
    internal void Encode(T row, CopyBuffer buffer)
    {
        buffer.BeginRow(columns.Length);
        encode(buffer, row);
    }

    /// <summary>
    /// Adds one array a column as the next positional parameters, for <c>unnest($1, $2, …)</c>. Not for columns that are arrays.
    /// </summary>
    public void AddArrays(NpgsqlParameterCollection parameters, IReadOnlyList<T> rows)
    {
        foreach (var column in columns)
        {
            parameters.Add(column.Array(rows));
        }
    }

    // Writes all of a row's columns, as one function.
    private static Action<CopyBuffer, T> Encoder(IEnumerable<IProperty> properties)
    {
        var (buffer, row) = (Expression.Parameter(typeof(CopyBuffer), "buffer"), Expression.Parameter(typeof(T), "row"));
        var writes = properties.Select(property =>
        {
            var value = Value(row, property);
            var type = value.Type.IsValueType && Nullable.GetUnderlyingType(value.Type) is null
                ? typeof(Nullable<>).MakeGenericType(value.Type)
                : value.Type;
            return Expression.Call(buffer, nameof(CopyBuffer.Write), null, Expression.Convert(value, type));
        });
        return Expression.Lambda<Action<CopyBuffer, T>>(Expression.Block(writes), buffer, row).Compile();
    }

    // What the column holds of a row.
    private static Expression Value(Expression row, IProperty property)
    {
        var value = Read(row, property);
        if (property.GetRelationalTypeMapping().Converter is not { } converter)
        {
            return value;
        }

        // A converter is not asked about a null.
        if (Nullable.GetUnderlyingType(value.Type) is null)
        {
            return Expression.Invoke(converter.ConvertToProviderExpression, value);
        }

        var stored = Expression.Invoke(converter.ConvertToProviderExpression, Expression.Property(value, "Value"));
        var nullable = stored.Type.IsValueType ? typeof(Nullable<>).MakeGenericType(stored.Type) : stored.Type;
        return Expression.Condition(
            Expression.Property(value, "HasValue"), Expression.Convert(stored, nullable), Expression.Default(nullable));
    }

    private static Expression Read(Expression row, IPropertyBase property) => property.DeclaringType is IComplexType part
        ? Expression.Property(Read(row, part.ComplexProperty), property.PropertyInfo!)
        : Expression.Property(row, property.PropertyInfo!);

    private abstract class Column(string name, NpgsqlDbType type)
    {
        public string Name => name;

        protected NpgsqlDbType Type => type;

        public abstract NpgsqlParameter Array(IReadOnlyList<T> rows);

        public static Column Create(IProperty property, string name)
        {
            using var probe = new NpgsqlCommand();
            var type = ((NpgsqlParameter)property.GetRelationalTypeMapping().CreateParameter(probe, "p", null)).NpgsqlDbType;
            var row = Expression.Parameter(typeof(T), "row");
            var value = Value(row, property);

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
    }

    private sealed class ValueColumn<TValue>(string name, NpgsqlDbType type, Func<T, TValue> read) : Column(name, type)
        where TValue : struct
    {
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
