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
        List<(double, long, long)> counts = [];
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            counts.Add((reader.GetDouble(0), reader.GetInt64(1), reader.GetInt64(2)));
        }

        return new NumberComparison(counts);
    }
}
