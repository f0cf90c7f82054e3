using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;

namespace Segmentation.Api.Segments;

/// <summary>How PostgreSQL finds those whom a predicate matches.</summary>
/// <param name="Lines">Lines of PostgreSQL's EXPLAIN.</param>
public sealed record QueryPlan(string Sql, IReadOnlyList<QueryParameter> Parameters, IReadOnlyList<string> Lines)
{
    /// <summary>Has the statement planned; it does not run.</summary>
    internal static async Task<QueryPlan> ReadAsync(SegmentationDb db, IQueryable<Customer> members, CancellationToken cancellation)
    {
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var command = (NpgsqlCommand)members.Select(c => c.Key).CreateDbCommand();
            var sql = command.CommandText;
            command.CommandText = "EXPLAIN " + sql;
            List<string> lines = [];
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                lines.Add(reader.GetString(0));
            }

            return new QueryPlan(sql, [.. command.Parameters.Select(QueryParameter.From)], lines);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }
}

/// <summary>A parameter of a statement.</summary>
/// <param name="Type">PostgreSQL's name of the type.</param>
public sealed record QueryParameter(string Name, string Type, object? Value)
{
    internal static QueryParameter From(NpgsqlParameter parameter) => new(
        parameter.ParameterName,
        parameter.PostgresType?.Name ?? parameter.DataTypeName ?? parameter.NpgsqlDbType.ToString(),
        parameter.Value is DBNull ? null : parameter.Value);
}
