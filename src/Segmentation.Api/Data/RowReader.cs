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
    private readonly Field[] all;
    private readonly Field[] selected;

    /// <summary>A reader of whole rows.</summary>
    public RowReader(SegmentationDb db)
    {
        var type = db.Model.FindEntityType(typeof(T)) ?? throw new InvalidOperationException($"{typeof(T).Name} is not mapped.");
        all = [.. new FieldFinder(type).Find()];

        // Only what may be set: a case-folded twin follows from its original.
        selected = [.. all.Where(f => f.IsPublic)];
        Columns = ListColumns(selected);
    }

    private RowReader(Field[] all, Field[] selected, string alias)
    {
        this.all = all;
        this.selected = selected;
        Columns = ListColumns(selected, $"{alias}.");
    }

    /// <summary>What to select, in order.</summary>
    public string Columns { get; }

    public int Count => selected.Length;

    /// <summary>
    /// A reader of some properties, by their paths (<c>Demographic.GenderFolded</c>); paths of no property are left out. All else stays as
    /// it is in a new object.
    /// </summary>
    /// <param name="alias">The table's, in the statement.</param>
    public RowReader<T> Select(IReadOnlySet<string> paths, string alias) => new(all, [.. all.Where(f => paths.Contains(f.Path))], alias);

    /// <summary>The reader's current row, whose first columns are these.</summary>
    public T Read(NpgsqlDataReader reader) => Read(reader, 0);

    /// <summary>The reader's current row, whose columns from one on are these.</summary>
    public T Read(NpgsqlDataReader reader, int first)
    {
        var row = Activator.CreateInstance<T>();
        for (var i = 0; i < selected.Length; i++)
        {
            selected[i].Set(row, reader, first + i);
        }

        return row;
    }

    private static string ListColumns(Field[] fields, string prefix = "") =>
        string.Join(", ", fields.Select(f => $"{prefix}\"{f.Column}\""));

    private sealed record Field(string Path, string Column, bool IsPublic, Action<T, NpgsqlDataReader, int> Set);

    // Finds the properties of the type and of its parts, and makes a function for each that sets it from a column.
    private sealed class FieldFinder(IEntityType type)
    {
        private readonly StoreObjectIdentifier table = StoreObjectIdentifier.Table(type.GetTableName()!, type.GetSchema());
        private readonly ParameterExpression row = Expression.Parameter(typeof(T), "row");
        private readonly ParameterExpression reader = Expression.Parameter(typeof(NpgsqlDataReader), "reader");
        private readonly ParameterExpression index = Expression.Parameter(typeof(int), "index");

        public IEnumerable<Field> Find() => Find(type, row, "");

        private IEnumerable<Field> Find(ITypeBase part, Expression owner, string path) => part.GetProperties()
            .Where(p => p.PropertyInfo?.SetMethod is not null)
            .Select(p => CreateField(p, Expression.Property(owner, p.PropertyInfo!), path))
            .Concat(part.GetComplexProperties().SelectMany(
                c => Find(c.ComplexType, Expression.Property(owner, c.PropertyInfo!), $"{path}{c.Name}.")));

        private Field CreateField(IProperty property, MemberExpression target, string path) =>
            new(
                path + property.Name,
                property.GetColumnName(table)!,
                property.PropertyInfo!.SetMethod!.IsPublic,
                CreateSetter(property, target));

        private Action<T, NpgsqlDataReader, int> CreateSetter(IProperty property, MemberExpression target)
        {
            var bare = Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
            var get = typeof(NpgsqlDataReader)
                .GetMethod(nameof(NpgsqlDataReader.GetFieldValue), BindingFlags.Public | BindingFlags.Instance)!.MakeGenericMethod(bare);
            Expression value = Expression.Call(reader, get, index);
            var valueOrDefault = Expression.Condition(
                Expression.Call(reader, nameof(NpgsqlDataReader.IsDBNull), null, index),
                Expression.Default(property.ClrType),
                bare == property.ClrType ? value : Expression.Convert(value, property.ClrType));
            return Expression.Lambda<Action<T, NpgsqlDataReader, int>>(Expression.Assign(target, valueOrDefault), row, reader, index)
                .Compile();
        }
    }
}
