using System.Linq.Expressions;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Backends.Sql;

/// <summary>Whether a customer is an owner of events: the shapes that PostgreSQL plans as a semi-join or an anti-join.</summary>
internal sealed class OwnerSubquery<T, TEvent>(EventAccess<T, TEvent> access, Expression item)
{
    private readonly Expression key = Splice.Body(access.Key, item);

    /// <summary>Whether any of the events is the customer's, or none.</summary>
    public Expression Contains(IQueryable<TEvent> rows, bool negate)
    {
        if (!negate)
        {
            var owners = rows.Select(access.Owner).Expression;
            return Expression.Call(typeof(Queryable), nameof(Queryable.Contains), [typeof(long)], owners, key);
        }

        var e = Expression.Parameter(typeof(TEvent), "e");
        var isOwner = Expression.Lambda<Func<TEvent, bool>>(Expression.Equal(Splice.Body(access.Owner, e), key), e);
        return Expression.Not(Expression.Call(typeof(Queryable), nameof(Queryable.Any), [typeof(TEvent)], rows.Expression, isOwner));
    }

    /// <summary>Whether the customer's key is among those of grouped events, or not.</summary>
    /// <remarks>
    /// A limit that limits nothing keeps PostgreSQL from having each parallel worker group all the events again, and EF Core from folding
    /// the comparison into HAVING. NOT IN over a sub-query is no anti-join; NOT EXISTS is, and the second test keeps EF Core from making
    /// NOT IN of it.
    /// </remarks>
    public Expression ContainsGroup(IQueryable<long> keys, bool negate)
    {
        var limit = Literal<int>.Create(int.MaxValue);
        var all = Expression.Call(typeof(Queryable), nameof(Queryable.Take), [typeof(long)], keys.Expression, limit);
        if (!negate)
        {
            return Expression.Call(typeof(Queryable), nameof(Queryable.Contains), [typeof(long)], all, key);
        }

        var k = Expression.Parameter(typeof(long), "k");
        var isKey = Expression.AndAlso(Expression.Equal(k, key), Expression.NotEqual(k, Expression.Constant(0L)));
        var test = Expression.Lambda<Func<long, bool>>(isKey, k);
        return Expression.Not(Expression.Call(typeof(Queryable), nameof(Queryable.Any), [typeof(long)], all, test));
    }
}
