using System.Linq.Expressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>
/// What a segment's members need besides, whatever its rule says: to have granted what it requires, and not to be restricted. It becomes a
/// part of the predicate that the rule compiles to, in <see cref="DefinitionSet"/> alone, so that nothing that shows or tells membership
/// can go around it.
/// </summary>
internal static class SegmentGate
{
    /// <summary>Who is restricted is a member of nothing.</summary>
    public static Expression<Func<Customer, Evaluation, bool>> Unrestricted { get; } = (c, x) => c.RestrictedAt == null;

    /// <summary>That a customer has granted all of some purposes; null for none.</summary>
    /// <param name="historical">Whether the instant may be in the past: its records up to then decide.</param>
    /// <param name="expiries">After how many days a consent expires, by purpose.</param>
    public static Expression<Func<Customer, Evaluation, bool>>? Consents(
        string[] purposes, bool historical, IReadOnlyDictionary<string, int> expiries) =>
        purposes is [] ? null
            : And([.. purposes.Select(p => historical ? GrantedThen(p, Days(p, expiries)) : Granted(p, Days(p, expiries)))]);

    /// <summary>A rule in words, with the consents that are required besides.</summary>
    public static string Describe(string rule, string[]? requiresConsent) => requiresConsent is { Length: > 0 } purposes
        ? $"{rule}; only who has consented to {string.Join(" and ", purposes)}"
        : rule;

    /// <summary>Both, where there are two.</summary>
    public static Expression<Func<Customer, Evaluation, bool>> And(
        params IReadOnlyList<Expression<Func<Customer, Evaluation, bool>>> all)
    {
        var (c, x) = (all[0].Parameters[0], all[0].Parameters[1]);
        return Expression.Lambda<Func<Customer, Evaluation, bool>>(Splice.And([.. all.Select(g => Splice.Body(g, c, x))]), c, x);
    }

    /// <summary>That a consent stands: given, by the record with the greatest time, and not expired. Never null.</summary>
    /// <param name="days">After how many days it expires; null for never.</param>
    public static Expression<Func<Customer, Evaluation, bool>> Granted(string purpose, int? days) => days is null
        ? Bind<string, bool>(purpose, (c, x, p) => c.ConsentsGranted.Contains(p))
        : And([
            Bind<string, bool>(purpose, (c, x, p) => c.ConsentsGranted.Contains(p)),
            Bind<string[], decimal, bool>([purpose, "at"], days.Value, (c, x, at, n) =>
                JsonValue.WrittenInstant(c.Consents, at) == null || JsonValue.WrittenInstant(c.Consents, at) > x.DaysAgo(n)),
        ]);

    private static Expression<Func<Customer, Evaluation, bool>> GrantedThen(string purpose, int? days) => days is null
        ? Bind<string, bool>(purpose, (c, x, p) => c.ConsentRecords.Where(r => r.Purpose == p && r.At <= x.AsOf)
            .OrderByDescending(r => r.At).ThenByDescending(r => r.Id).Select(r => r.Granted).FirstOrDefault())
        : Bind<string, decimal, bool>(purpose, days.Value, (c, x, p, n) => c.ConsentRecords
            .Where(r => r.Purpose == p && r.At <= x.AsOf)
            .OrderByDescending(r => r.At).ThenByDescending(r => r.Id).Select(r => r.Granted && r.At > x.DaysAgo(n)).FirstOrDefault());

    private static int? Days(string purpose, IReadOnlyDictionary<string, int> expiries) =>
        expiries.TryGetValue(purpose, out var days) ? days : null;

    private static Expression<Func<Customer, Evaluation, T>> Bind<TA, T>(TA a, Expression<Func<Customer, Evaluation, TA, T>> read)
    {
        var (c, x) = (read.Parameters[0], read.Parameters[1]);
        return Expression.Lambda<Func<Customer, Evaluation, T>>(Splice.Body(read, c, x, Literal<TA>.Create(a)), c, x);
    }

    private static Expression<Func<Customer, Evaluation, T>> Bind<TA, TB, T>(
        TA a, TB b, Expression<Func<Customer, Evaluation, TA, TB, T>> read)
    {
        var (c, x) = (read.Parameters[0], read.Parameters[1]);
        return Expression.Lambda<Func<Customer, Evaluation, T>>(
            Splice.Body(read, c, x, Literal<TA>.Create(a), Literal<TB>.Create(b)), c, x);
    }
}
