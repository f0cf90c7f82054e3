using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>What a decision has to know of a visitor.</summary>
internal sealed record VisitorNeeds
{
    /// <summary>Whether the customer's events are read.</summary>
    public bool Events { get; init; }

    /// <summary>Whether a percentile is.</summary>
    public bool Rank { get; init; }

    /// <summary>The caps whose impressions are counted: the play, since when, and in which visit, if in one.</summary>
    public IReadOnlyList<(string Playbook, string Play, DateTimeOffset Since, string? Visit)> Caps { get; init; } = [];

    /// <summary>The playbooks that keep, where there is a visit.</summary>
    public IReadOnlyList<string> Keeping { get; init; } = [];

    /// <summary>The units whose assignments may be kept, by experiment and run.</summary>
    public IReadOnlyList<(int Experiment, int Run, string Unit)> Units { get; init; } = [];

    /// <summary>Whether it matters what was shown a moment ago.</summary>
    public bool OfShown => Caps.Count > 0 || Keeping.Count > 0;

    /// <summary>Whether the database is asked even if there is no customer to be read.</summary>
    public bool OfVisitor => Rank || OfShown || Units.Count > 0;
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

    /// <summary>Impressions, by the place of the cap in <see cref="VisitorNeeds.Caps"/>.</summary>
    public Dictionary<int, long> Counts { get; } = [];

    /// <inheritdoc cref="Visitor.Shown"/>
    public List<(string Placement, string Playbook, string Play)> Shown { get; } = [];

    /// <inheritdoc cref="Visitor.Kept"/>
    public Dictionary<(int Experiment, int Run), string> Kept { get; } = [];
}

/// <summary>Reads what a decision has to know, in one round trip.</summary>
public sealed class VisitorReader(SegmentationDb db, CustomerRowReaders readers, RevenueOptions revenue)
{
    // Of the visitor or the customer, an impression counts once.
    private const string OfVisitor = "(i.visitor_id = $1 OR i.customer_id = $2)";

    private const string CountCaps =
        $"""
        SELECT w.n, count(*) FROM unnest($3, $4, $5, $6, $7) AS w (n, playbook, play, since, visit)
        JOIN impressions i ON {OfVisitor} AND i.playbook = w.playbook AND i.play = w.play AND i.at > w.since AND i.at <= $8
            AND (w.visit IS NULL OR i.visit_id = w.visit)
        GROUP BY w.n
        """;

    private const string ListShown =
        $"""
        SELECT i.placement, i.playbook, i.play FROM impressions i
        WHERE {OfVisitor} AND i.visit_id = $3 AND i.playbook = ANY ($4) AND i.at <= $5
        GROUP BY i.placement, i.playbook, i.play ORDER BY max(i.at) DESC, max(i.id) DESC
        """;

    private const string ListKept =
        """
        SELECT u.experiment_id, u.run, u.variant FROM unnest($1, $2, $3) AS w (experiment, run, unit)
        JOIN experiment_units u ON u.unit = w.unit AND u.experiment_id = w.experiment AND u.run = w.run
        """;

    // A word of its own beside a hash: what others lock is not these. In one order, so that nobody waits for each other.
    private const string LockVisitor =
        """
        SELECT pg_advisory_xact_lock(1448301140, hash) FROM (
            SELECT DISTINCT hashtext(name) AS hash FROM unnest($1) AS w (name) ORDER BY hash) AS l
        """;

    private const NpgsqlDbType Texts = NpgsqlDbType.Array | NpgsqlDbType.Text;
    private const NpgsqlDbType Integers = NpgsqlDbType.Array | NpgsqlDbType.Integer;

    /// <summary>Reads it. Of what is recorded, those of one visitor or customer wait here for each other, till the end of the transaction:
    /// each sees what the one before was shown.</summary>
    /// <param name="at">The instant that it is decided as of.</param>
    /// <param name="historical">Whether that is in the past.</param>
    /// <param name="asOf">That instant, where one was asked for: later impressions don't count.</param>
    internal async Task<StoredVisitor> ReadAsync(
        Question question, VisitorNeeds needs, DateTimeOffset at, bool historical, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var batch = new NpgsqlBatch((NpgsqlConnection)db.Database.GetDbConnection());
            var customer = question.CustomerId is { } id
                ? new CustomerStatements(readers.Get(db), revenue, id, at, historical, needs.Rank, needs.Events)
                : null;
            AddStatements(batch, question, needs, at, historical, asOf ?? LocalTime.Latest);
            customer?.AddTo(batch);
            await using var reader = await batch.ExecuteReaderAsync(cancellation);
            if (IsLocked(question, needs))
            {
                await reader.NextResultAsync(cancellation);
            }

            return await ReadAsync(reader, needs, customer, cancellation);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private static bool IsLocked(Question question, VisitorNeeds needs) => question.Record && needs.OfShown;

    private void AddStatements(
        NpgsqlBatch batch, Question question, VisitorNeeds needs, DateTimeOffset at, bool historical, DateTimeOffset until)
    {
        if (IsLocked(question, needs))
        {
            string[] names = [$"visitor:{question.VisitorId}"];
            names = question.CustomerId is { } id ? [.. names, $"customer:{id}"] : names;
            batch.Add(LockVisitor, [SqlParameter.Create(names, Texts)]);
        }

        NpgsqlParameter[] who = [SqlParameter.Create(question.VisitorId, NpgsqlDbType.Text), Text(question.CustomerId)];
        batch.Add(PlaybookCache.StampSql);
        if (needs.Rank)
        {
            CustomerStatements.AddRankOfNew(batch, revenue, at, historical);
        }

        if (needs.Caps.Count > 0)
        {
            batch.Add(
                CountCaps,
                [
                    .. who,
                    SqlParameter.Create(Enumerable.Range(0, needs.Caps.Count).ToArray(), Integers),
                    SqlParameter.Create(needs.Caps.Select(c => c.Playbook).ToArray(), Texts),
                    SqlParameter.Create(needs.Caps.Select(c => c.Play).ToArray(), Texts),
                    SqlParameter.Create(
                        needs.Caps.Select(c => c.Since).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.TimestampTz),
                    SqlParameter.Create(needs.Caps.Select(c => c.Visit).ToArray(), Texts),
                    SqlParameter.Create(until, NpgsqlDbType.TimestampTz),
                ]);
        }

        if (needs.Keeping.Count > 0)
        {
            batch.Add(
                ListShown,
                [
                    .. who.Select(p => p.Clone()),
                    Text(question.VisitId),
                    SqlParameter.Create(needs.Keeping.ToArray(), Texts),
                    SqlParameter.Create(until, NpgsqlDbType.TimestampTz),
                ]);
        }

        if (needs.Units.Count > 0)
        {
            batch.Add(
                ListKept,
                [
                    SqlParameter.Create(needs.Units.Select(u => u.Experiment).ToArray(), Integers),
                    SqlParameter.Create(needs.Units.Select(u => u.Run).ToArray(), Integers),
                    SqlParameter.Create(needs.Units.Select(u => u.Unit).ToArray(), Texts),
                ]);
        }

        static NpgsqlParameter Text(string? text) => new() { Value = (object?)text ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };
    }

    private static async Task<StoredVisitor> ReadAsync(
        NpgsqlDataReader reader, VisitorNeeds needs, CustomerStatements? customer, CancellationToken cancellation)
    {
        await reader.ReadAsync(cancellation);
        var stored = new StoredVisitor { DefinitionStamp = reader.GetInt64(0), DecisionStamp = reader.GetInt64(1) };
        if (needs.Rank)
        {
            await ReadAsync(row => stored = stored with { RankOfNew = (row.GetInt64(0), row.GetInt64(1)) });
        }

        if (needs.Caps.Count > 0)
        {
            await ReadAsync(row => stored.Counts[row.GetInt32(0)] = row.GetInt64(1));
        }

        if (needs.Keeping.Count > 0)
        {
            await ReadAsync(row => stored.Shown.Add((row.GetString(0), row.GetString(1), row.GetString(2))));
        }

        if (needs.Units.Count > 0)
        {
            await ReadAsync(row => stored.Kept[(row.GetInt32(0), row.GetInt32(1))] = row.GetString(2));
        }

        if (customer is not null)
        {
            await reader.NextResultAsync(cancellation);
            stored = stored with { Customer = await customer.ReadAsync(reader, cancellation) };
        }

        return stored;

        async Task ReadAsync(Action<NpgsqlDataReader> read)
        {
            await reader.NextResultAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                read(reader);
            }
        }
    }
}
