using System.Linq.Expressions;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>
/// Reads whole rows of a mapped entity from a plain reader: for statements that are sent several at a time, which EF Core does not do.
/// Columns and types are the model's own.
/// </summary>
public sealed class RowReader<T>
    where T : class
{
    private readonly Func<NpgsqlDataReader, T> read;

    public RowReader(SegmentationDb db)
    {
        var type = db.Model.FindEntityType(typeof(T)) ?? throw new InvalidOperationException($"{typeof(T).Name} is not mapped.");
        var table = StoreObjectIdentifier.Table(type.GetTableName()!, type.GetSchema());
        var reader = Expression.Parameter(typeof(NpgsqlDataReader), "reader");
        var columns = new List<string>();
        var entity = Initialize(type, typeof(T));
        Columns = string.Join(", ", columns.Select(c => $"\"{c}\""));
        read = Expression.Lambda<Func<NpgsqlDataReader, T>>(entity, reader).Compile();

        // Only what may be set: a folded twin follows from what it is the twin of.
        MemberInitExpression Initialize(ITypeBase part, Type clr) => Expression.MemberInit(
            Expression.New(clr),
            part.GetProperties().Where(p => p.PropertyInfo?.SetMethod?.IsPublic == true)
                .Select(p => Expression.Bind(p.PropertyInfo!, Column(p)))
                .Concat(part.GetComplexProperties().Select(c => Expression.Bind(c.PropertyInfo!, Initialize(c.ComplexType, c.ClrType)))));

        ConditionalExpression Column(IProperty property)
        {
            columns.Add(property.GetColumnName(table)!);
            var index = Expression.Constant(columns.Count - 1);
            var bare = Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
            var get = typeof(NpgsqlDataReader).GetMethod(nameof(NpgsqlDataReader.GetFieldValue), BindingFlags.Public | BindingFlags.Instance)!.MakeGenericMethod(bare);
            Expression value = Expression.Call(reader, get, index);
            return Expression.Condition(
                Expression.Call(reader, nameof(NpgsqlDataReader.IsDBNull), null, index),
                Expression.Default(property.ClrType),
                bare == property.ClrType ? value : Expression.Convert(value, property.ClrType));
        }
    }

    /// <summary>What to select, in order.</summary>
    public string Columns { get; }

    /// <summary>The reader's present row.</summary>
    public T Read(NpgsqlDataReader reader) => read(reader);
}
