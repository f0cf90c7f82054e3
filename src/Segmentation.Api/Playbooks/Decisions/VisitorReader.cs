using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

/// <summary>What a decision has to know of a visitor.</summary>
internal sealed record VisitorNeeds
{
    /// <summary>Whether the customer's events are read.</summary>
    public bool Events { get; init; }

    /// <summary>Whether a percentile is.</summary>
    public bool Rank { get; init; }
}

/// <summary>What is stored of a visitor.</summary>
internal sealed record StoredVisitor
{
    /// <summary>The version of segments and attributes.</summary>
    public required long DefinitionStamp { get; init; }

    /// <summary>The version of placements, playbooks and experiments.</summary>
    public required long DecisionStamp { get; init; }

    /// <summary>Null where there is no such customer.</summary>
    public Customer? Customer { get; init; }

    /// <summary>The rank of a customer who has just been created.</summary>
    public (long Smaller, long Total) RankOfNew { get; init; }
}

/// <summary>Reads what a decision has to know, in one round trip.</summary>
public sealed class VisitorReader(SegmentationDb db, CustomerRowReaders readers, RevenueOptions revenue)
{
    /// <summary>Reads it.</summary>
    /// <param name="at">The instant that it is decided as of.</param>
    /// <param name="historical">Whether that is in the past.</param>
    internal async Task<StoredVisitor> ReadAsync(
        Question question, VisitorNeeds needs, DateTimeOffset at, bool historical, CancellationToken cancellation)
    {
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var batch = new NpgsqlBatch((NpgsqlConnection)db.Database.GetDbConnection());
            var customer = question.CustomerId is { } id
                ? new CustomerStatements(readers.Get(db), revenue, id, at, historical, needs.Rank, needs.Events)
                : null;
            batch.Add(PlaybookCache.StampSql);
            if (needs.Rank)
            {
                CustomerStatements.AddRankOfNew(batch, revenue, at, historical);
            }

            customer?.AddTo(batch);
            await using var reader = await batch.ExecuteReaderAsync(cancellation);
            return await ReadAsync(reader, needs, customer, cancellation);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private static async Task<StoredVisitor> ReadAsync(
        NpgsqlDataReader reader, VisitorNeeds needs, CustomerStatements? customer, CancellationToken cancellation)
    {
        await reader.ReadAsync(cancellation);
        var stored = new StoredVisitor { DefinitionStamp = reader.GetInt64(0), DecisionStamp = reader.GetInt64(1) };
        if (needs.Rank)
        {
            await reader.NextResultAsync(cancellation);
            await reader.ReadAsync(cancellation);
            stored = stored with { RankOfNew = (reader.GetInt64(0), reader.GetInt64(1)) };
        }

        if (customer is not null)
        {
            await reader.NextResultAsync(cancellation);
            stored = stored with { Customer = await customer.ReadAsync(reader, cancellation) };
        }

        return stored;
    }
}
