using Segmentation.Api.Data;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Insight;

/// <summary>Reads the numbers of both sides, each that occurs with how many have it: a field at a time, sorted by the database.</summary>
internal sealed class ProfileNumbers(ProfileSides sides)
{
    /// <summary>The numbers of a column of <see cref="ProfileSides"/>.</summary>
    public async Task<NumberComparison> ReadAsync(int column, CancellationToken cancellation)
    {
        await using var command = sides.Create(
            $"""
            SELECT n{column}, count(*) FILTER (WHERE member), count(*) FILTER (WHERE NOT member) FROM {ProfileSides.Table}
            WHERE n{column} IS NOT NULL GROUP BY n{column} ORDER BY n{column}
            """);
        return new NumberComparison(await command.ReadAllAsync(
            row => (row.GetDouble(0), row.GetInt64(1), row.GetInt64(2)), cancellation));
    }
}
