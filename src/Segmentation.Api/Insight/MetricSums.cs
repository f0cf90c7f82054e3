using System.Data.Common;

namespace Segmentation.Api.Insight;

/// <summary>What statistics need of a metric over customers, each of whom has a y and, of a ratio, an x.</summary>
/// <param name="Members">How many customers, those without an event included; in a period of changing membership, on average.</param>
/// <param name="Customers">How many of them have an event.</param>
/// <param name="Events">How many events they have.</param>
internal readonly record struct MetricSums(
    double Members, double Customers, double Events, double Y, double YY, double X, double XX, double XY)
{
    /// <summary>Columns of a side.</summary>
    public const int Columns = 7;

    public static MetricSums operator +(MetricSums a, MetricSums b) => new(
        a.Members + b.Members, a.Customers + b.Customers, a.Events + b.Events, a.Y + b.Y, a.YY + b.YY, a.X + b.X, a.XX + b.XX, a.XY + b.XY);

    /// <summary>Columns over rows of one customer each, with events c, value y and, of a ratio, x: exact, rounded at the end.</summary>
    /// <param name="suffix">Of the names of c, y and x.</param>
    /// <param name="filter">Which rows; null for all.</param>
    public static string Sql(bool isRatio, string suffix = "", string? filter = null)
    {
        var (c, y, x) = ($"c{suffix}", $"y{suffix}", $"x{suffix}");
        var which = filter is null ? "" : $" FILTER (WHERE {filter})";
        string Sum(string of) => $"coalesce(sum({of}){which}, 0)::float8";
        var ofX = isRatio ? $"{Sum(x)}, {Sum($"{x} * {x}")}, {Sum($"{x} * {y}")}" : "0::float8, 0::float8, 0::float8";
        return $"count(*) FILTER (WHERE {c} > 0{(filter is null ? "" : $" AND {filter}")})::float8, {Sum(c)}, {Sum(y)}, "
            + $"{Sum($"{y}::numeric * {y}")}, {ofX}";
    }

    /// <summary>Those of one side.</summary>
    /// <param name="side">The side's number, in the order of the columns.</param>
    /// <param name="first">The first column of sums.</param>
    public static MetricSums Read(DbDataReader row, int first, int side, double members)
    {
        double Column(int i)
        {
            var ordinal = first + (side * Columns) + i;
            return row.IsDBNull(ordinal) ? 0 : row.GetDouble(ordinal);
        }

        return new MetricSums(members, Column(0), Column(1), Column(2), Column(3), Column(4), Column(5), Column(6));
    }
}
