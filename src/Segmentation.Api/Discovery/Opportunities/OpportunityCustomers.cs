using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;
using Segmentation.Models.Opportunities;
using Segmentation.Models.Propensities;
using Segmentation.Rules;

namespace Segmentation.Api.Discovery;

/// <summary>Reads the customers that groups are searched among, and what became of them.</summary>
/// <param name="db">In a transaction of one snapshot.</param>
public sealed class OpportunityCustomers(SegmentationDb db, MetricEvents events)
{
    /// <summary>Divides the customers of the temporary table.</summary>
    /// <returns>Besides, how many came after they are described as of.</returns>
    internal async Task<(CustomerHalves Halves, long Newcomers)> DivideAsync(
        ProfileSides sides, int seed, Evaluation then, CancellationToken cancellation)
    {
        var (keys, shares, newcomers) = (new List<long>(), new List<double>(), 0L);
        await using var command = sides.Create(
            $"""
            SELECT s.key, c.id, coalesce(least(c.first_seen_at, c.signed_up_at) > @then, false) FROM {ProfileSides.Table} s
            JOIN customers c ON c.key = s.key
            """);
        command.Parameters.AddWithValue("then", then.AsOf.UtcDateTime);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            keys.Add(reader.GetInt64(0));
            shares.Add(CustomerHash.Share(seed, reader.GetString(1)));
            newcomers += reader.GetBoolean(2) ? 1 : 0;
        }

        return (new CustomerHalves([.. keys], [.. shares]), newcomers);
    }

    /// <summary>A metric since an instant.</summary>
    internal async Task<Outcome> ReadMetricAsync(
        MetricResource metric, CustomerHalves halves, DateTimeOffset since, DateTimeOffset asOf, CancellationToken cancellation)
    {
        var source = MetricSource.Create(events, db, metric, since.AddMicroseconds(1), asOf.AddMicroseconds(1), asOf);
        var isSum = metric.Kind == MetricKind.Sum;
        var sql = isSum
            ? $"SELECT t.key, sum(t.y)::float8 FROM ({source.Text}) AS t GROUP BY t.key"
            : $"SELECT t.key, 1::float8 FROM ({source.Text}) AS t GROUP BY t.key HAVING sum(t.c) > 0";
        return await ReadAsync(halves, sql, isSum, cancellation, [.. source.Parameters]);
    }

    /// <summary>Whether they are members in the temporary table.</summary>
    internal Task<Outcome> ReadMembersAsync(CustomerHalves halves, CancellationToken cancellation) =>
        ReadAsync(halves, $"SELECT key, 1::float8 FROM {ProfileSides.Table} WHERE member", false, cancellation);

    private async Task<Outcome> ReadAsync(
        CustomerHalves halves, string sql, bool isSum, CancellationToken cancellation, params NpgsqlParameter[] parameters)
    {
        var (bits, values) = (new ulong[halves.Words], isSum ? new double[halves.Words * CustomerHalves.WordSize] : null);
        await db.QueryAsync(sql, row =>
        {
            if (halves.Find(row.GetInt64(0)) is >= 0 and var place)
            {
                if (values is not null)
                {
                    values[place] = row.GetDouble(1);
                }
                else
                {
                    BitSets.Set(bits, place);
                }
            }

            return true;
        }, cancellation, parameters);
        return values is null ? new Outcome(bits) : Outcome.FromValues(values);
    }
}
