using System.Linq.Expressions;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>
/// Reads rows of a mapped entity from a plain reader: for statements that are sent several at a time, which EF Core does not do.
/// Columns and types are the model's own.
/// </summary>
public sealed class RowReader<T>
    where T : class
{
    private readonly Field[] all, fields;

    /// <summary>A reader of whole rows.</summary>
    public RowReader(SegmentationDb db)
    {
        var type = db.Model.FindEntityType(typeof(T)) ?? throw new InvalidOperationException($"{typeof(T).Name} is not mapped.");
        var table = StoreObjectIdentifier.Table(type.GetTableName()!, type.GetSchema());
        var (row, reader, index) = (Expression.Parameter(typeof(T), "row"), Expression.Parameter(typeof(NpgsqlDataReader), "reader"), Expression.Parameter(typeof(int), "index"));
        all = [.. FieldsOf(type, row, "")];

        // Only what may be set: a folded twin follows from what it is the twin of.
        fields = [.. all.Where(f => f.IsPublic)];
        Columns = Listed(fields);

        IEnumerable<Field> FieldsOf(ITypeBase part, Expression of, string path) =>
            part.GetProperties().Where(p => p.PropertyInfo?.SetMethod is not null)
                .Select(p => new Field(path + p.Name, p.GetColumnName(table)!, p.PropertyInfo!.SetMethod!.IsPublic, Setter(p, Expression.Property(of, p.PropertyInfo))))
                .Concat(part.GetComplexProperties().SelectMany(c => FieldsOf(c.ComplexType, Expression.Property(of, c.PropertyInfo!), $"{path}{c.Name}.")));

        Action<T, NpgsqlDataReader, int> Setter(IProperty property, MemberExpression target)
        {
            var bare = Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
            var get = typeof(NpgsqlDataReader).GetMethod(nameof(NpgsqlDataReader.GetFieldValue), BindingFlags.Public | BindingFlags.Instance)!.MakeGenericMethod(bare);
            Expression value = Expression.Call(reader, get, index);
            return Expression.Lambda<Action<T, NpgsqlDataReader, int>>(
                Expression.Assign(target, Expression.Condition(
                    Expression.Call(reader, nameof(NpgsqlDataReader.IsDBNull), null, index),
                    Expression.Default(property.ClrType),
                    bare == property.ClrType ? value : Expression.Convert(value, property.ClrType))),
                row, reader, index).Compile();
        }
    }

    private RowReader(Field[] all, Field[] fields, string alias) => (this.all, this.fields, Columns) = (all, fields, Listed(fields, $"{alias}."));

    /// <summary>What to select, in order.</summary>
    public string Columns { get; }

    public int Count => fields.Length;

    /// <summary>A reader of some properties, by their paths (<c>Demographic.GenderFolded</c>); paths that are none are left out. All else stays as it is in a new object.</summary>
    /// <param name="alias">The table's, in the statement.</param>
    public RowReader<T> Select(IReadOnlySet<string> paths, string alias) => new(all, [.. all.Where(f => paths.Contains(f.Path))], alias);

    /// <summary>The reader's present row; the columns are its first.</summary>
    public T Read(NpgsqlDataReader reader)
    {
        var row = Activator.CreateInstance<T>();
        for (var i = 0; i < fields.Length; i++)
        {
            fields[i].Set(row, reader, i);
        }

        return row;
    }

    private static string Listed(Field[] fields, string of = "") => string.Join(", ", fields.Select(f => $"{of}\"{f.Column}\""));

    private sealed record Field(string Path, string Column, bool IsPublic, Action<T, NpgsqlDataReader, int> Set);
}
