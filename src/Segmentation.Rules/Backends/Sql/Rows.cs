namespace Segmentation.Rules.Backends.Sql;

/// <summary>
/// Represents the rows of a table in a compiled rule, until <see cref="QueryBinder"/> replaces it by a real source.
/// </summary>
public static class Rows<T>
{
    public static readonly IQueryable<T> All = Array.Empty<T>().AsQueryable();
}
