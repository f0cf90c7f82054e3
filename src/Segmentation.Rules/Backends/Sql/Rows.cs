namespace Segmentation.Rules.Backends.Sql;

/// <summary>
/// Stands for the rows of a table in a compiled rule, until <see cref="QueryBinder"/> puts a real source in its place.
/// </summary>
public static class Rows<T>
{
    public static readonly IQueryable<T> All = Array.Empty<T>().AsQueryable();
}
