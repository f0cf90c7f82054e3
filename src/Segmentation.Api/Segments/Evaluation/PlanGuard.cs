using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Segments;

/// <summary>Refuses rules of which PostgreSQL expects that rows are compared with rows too often to come to an end.</summary>
internal static class PlanGuard
{
    /// <summary>Has the query planned; it does not run.</summary>
    /// <param name="limit">Rows that nested loops may read together.</param>
    /// <exception cref="ApiProblem">400: they read more.</exception>
    public static async Task CheckAsync(SegmentationDb db, IQueryable<Customer> members, double limit, CancellationToken cancellation)
    {
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var command = (NpgsqlCommand)members.Select(c => c.Key).CreateDbCommand();
            command.CommandText = "EXPLAIN (FORMAT JSON) " + command.CommandText;
            using var plan = JsonDocument.Parse((string)(await command.ExecuteScalarAsync(cancellation))!);
            var rows = CountRows(plan.RootElement[0].GetProperty("Plan"));
            if (rows > limit)
            {
                throw ApiProblem.Invalid(
                    "/rule",
                    FormattableString.Invariant($"This rule would compare about {rows:0.#e+0} rows, {limit:0.#e+0} at most: narrow what ")
                        + "it counts or compares, to fewer types of event and a shorter time.");
            }
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    /// <summary>How many rows the nested loops of a plan read, a loop within a loop as often as that runs.</summary>
    internal static double CountRows(JsonElement node)
    {
        if (!node.TryGetProperty("Plans", out var plans))
        {
            return 0;
        }

        var total = plans.EnumerateArray().Sum(CountRows);
        if (node.GetProperty("Node Type").GetString() == "Nested Loop" && plans.GetArrayLength() >= 2)
        {
            var (outer, inner) = (ReadRows(plans[0]), plans[1]);
            total += outer * (Math.Max(1, ReadRows(inner)) + CountRows(inner));
        }

        return total;
    }

    private static double ReadRows(JsonElement node) => node.GetProperty("Plan Rows").GetDouble();
}
