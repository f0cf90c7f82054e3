using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>Copies of everybody's scores, once a week by model, in the transaction that writes the scores.</summary>
internal sealed class ScoreCopies
{
    private readonly List<DueCopy> due = [];

    private ScoreCopies()
    {
    }

    /// <summary>Finds which models' scores are to be copied, before the scores are written. Then nobody is erased until the transaction
    /// ends.</summary>
    /// <param name="writing">In the transaction that is to write them.</param>
    /// <param name="at">When everybody was scored.</param>
    public static async Task<ScoreCopies> PrepareAsync(
        NpgsqlConnection writing, ScoringModels models, DateTimeOffset at, PredictionOptions options, CancellationToken cancellation)
    {
        var copies = new ScoreCopies();
        var today = options.FindDay(at);
        IEnumerable<DueCopy> all =
        [
            .. models.LifetimeValue is { } value
                ? [DueCopy.Create(value, at, today, options)]
                : Array.Empty<DueCopy>(),
            .. models.Propensities.Select(p => DueCopy.Create(p, at, today, options)),
        ];
        foreach (var copy in all)
        {
            if (await IsDueAsync(writing, copy, cancellation))
            {
                copies.due.Add(copy);
            }
        }

        if (copies.due.Count > 0)
        {
            await using var hold = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", writing)
            {
                Parameters = { SqlParameter.Create(ScoreCopy.Lock) },
            };
            await hold.ExecuteNonQueryAsync(cancellation);
        }

        return copies;
    }

    /// <summary>Copies what was scored. Of a model that is deleted meanwhile, nothing.</summary>
    public async Task WriteAsync(NpgsqlConnection writing, CancellationToken cancellation)
    {
        foreach (var copy in due)
        {
            await using var command = new NpgsqlCommand(
                $"""
                WITH version AS (
                    SELECT settings, parameters FROM model_versions WHERE model_key = @key AND version = @version FOR KEY SHARE),
                copy AS (
                    INSERT INTO score_copies (model_key, version, pinned, scored_on, known_until, told_until, settings, parameters)
                    SELECT @key, @version, @pinned, @day, @from, @until, settings{copy.Parameters} FROM version
                    WHERE EXISTS (SELECT FROM fresh_scores f WHERE {copy.Condition})
                    RETURNING id)
                INSERT INTO score_copy_parts (copy_id, part, customers, {copy.Columns})
                SELECT (SELECT id FROM copy), c.key / @most, array_agg(c.key), {copy.Values}
                FROM fresh_scores f JOIN customers c ON c.key = f.customer_key
                WHERE {copy.Condition} AND EXISTS (SELECT FROM copy) GROUP BY 2
                """,
                writing)
            {
                CommandTimeout = 0,
                Parameters =
                {
                    new NpgsqlParameter("key", copy.Key), new NpgsqlParameter("version", copy.Version),
                    new NpgsqlParameter("pinned", copy.IsPinned), new NpgsqlParameter("day", copy.Day),
                    new NpgsqlParameter("from", copy.From), new NpgsqlParameter("until", copy.Until),
                    new NpgsqlParameter("most", NpgsqlDbType.Bigint) { Value = (long)ScoreCopyPart.MostCustomers },
                },
            };
            await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    // Weekly: a version that looks at a day in the past tells the same each day, and is copied once.
    private static async Task<bool> IsDueAsync(NpgsqlConnection writing, DueCopy copy, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT NOT EXISTS (
                SELECT FROM score_copies WHERE model_key = $1 AND pinned = $2 AND scored_on > $3 - 7 AND scored_on <= $3
                    AND (NOT pinned OR version = $4))
            """,
            writing)
        {
            Parameters =
            {
                SqlParameter.Create(copy.Key), SqlParameter.Create(copy.IsPinned), SqlParameter.Create(copy.Day, NpgsqlDbType.Date),
                SqlParameter.Create(copy.Version),
            },
        };
        return (bool)(await command.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>A copy to be made.</summary>
    /// <param name="Key">The model's.</param>
    /// <param name="From">What happened later was not known.</param>
    /// <param name="Until">What happens up to here is told.</param>
    /// <param name="Columns">The lists of numbers.</param>
    /// <param name="Values">What they are from.</param>
    /// <param name="Parameters">The version's, if they are needed to tell again what was told.</param>
    private sealed record DueCopy(
        string Key, int Version, bool IsPinned, DateOnly Day, DateTimeOffset From, DateTimeOffset Until, string Columns, string Values,
        string Condition, string Parameters)
    {
        public static DueCopy Create(LifetimeValueScorer scorer, DateTimeOffset at, DateOnly today, PredictionOptions options)
        {
            // Of a day in the past, up to its end.
            var (day, length) = (scorer.PinnedTo ?? today, scorer.Model.ChurnDays);
            var (from, until) = scorer.PinnedTo is { } pinned
                ? (LastOf(pinned), LastOf(pinned.AddDays(length)))
                : (at, at.AddDays(length));
            return new DueCopy(
                LifetimeValueType.TypeName, scorer.Version, scorer.PinnedTo is not null, day, from, until,
                "repeats, recency_days, age_days, paid_repeats, mean_amounts",
                "array_agg(f.repeats), array_agg(f.recency_days), array_agg(f.age_days), array_agg(f.paid_repeats), "
                    + "array_agg(f.mean_amount::real)",
                "f.version = @version", ", parameters");

            DateTimeOffset LastOf(DateOnly of) => options.FindEnd(of).AddMicroseconds(-1);
        }

        public static DueCopy Create(PropensityInForce model, DateTimeOffset at, DateOnly today, PredictionOptions options)
        {
            var from = model.FindMoment(at, options).At;
            return new DueCopy(
                model.Key, model.Version, model.PinnedTo is not null, model.PinnedTo ?? today, from,
                from.AddDays(model.Settings.WithinDays!.Value), "probabilities", "array_agg((f.propensities ->> @key)::real)",
                "f.propensities ->> @key IS NOT NULL", ", NULL::json");
        }
    }
}
