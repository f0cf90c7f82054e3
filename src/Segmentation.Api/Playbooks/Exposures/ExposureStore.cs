using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Experiments;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Playbooks;

/// <summary>What became of exposures.</summary>
/// <param name="Refused">Those that were not recorded: of which record, the place in it, and why.</param>
internal sealed record StoredExposures(int Recorded, int Duplicates, IReadOnlyList<(int Ordinal, int Index, string Message)> Refused);

/// <summary>
/// The only writer of what was seen. Of a run the first exposure of a unit is kept, whatever order they arrive in; an impression is counted
/// each time. What two transactions both write they write in one order: then they don't wait for each other.
/// </summary>
public sealed class ExposureStore(SegmentationDb db, PlaybookCache cache, ErasedIds erasedIds)
{
    private const string Erased = "The customer was erased: what was seen before that is not recorded.";

    private readonly BulkTable<ExperimentUnit> units = BulkTable<ExperimentUnit>.For(db.Model);
    private readonly BulkTable<Impression> impressions = BulkTable<Impression>.For(db.Model);
    private readonly BulkTable<VisitorLink> links = BulkTable<VisitorLink>.For(db.Model);
    private readonly BulkTable<ExposureReport> reports = BulkTable<ExposureReport>.For(db.Model);

    /// <summary>Records what was seen, in one transaction; each exposure that can't be is refused by itself.</summary>
    /// <param name="read">Reads it from the beginning, part by part, as often as it is asked to.</param>
    internal Task<StoredExposures> StoreAsync(
        Func<IAsyncEnumerable<IReadOnlyList<IncomingExposures>>> read, CancellationToken cancellation) => Retry.OnDeadlockAsync(
        async () =>
        {
            var set = await cache.GetAsync(db, cancellation);
            await using var transaction = await db.BeginAsync(cancellation);
            var (recorded, duplicates, refused) = (0, 0, new List<(int, int, string)>());
            await foreach (var part in read().WithCancellation(cancellation))
            {
                var checkedOnes = await CheckAsync(set, part, refused, cancellation);
                var fresh = await TakeIdsAsync(checkedOnes, cancellation);
                var written = await WriteAsync(fresh, cancellation);
                (recorded, duplicates) = (recorded + written, duplicates + checkedOnes.Count - written);
            }

            await transaction.CommitAsync(cancellation);
            return new StoredExposures(recorded, duplicates, refused);
        },
        cancellation);

    /// <summary>Records what was decided, in the caller's transaction.</summary>
    /// <param name="set">The definitions that it was decided by.</param>
    internal Task RecordAsync(
        PlaybookSet set, Question question, IEnumerable<Decision> decisions, DateTimeOffset at, CancellationToken cancellation)
    {
        List<string> texts = [.. decisions.SelectMany(d => d.Exposures)];
        var report = new IncomingExposures(question.VisitorId, question.CustomerId, question.VisitId, at, null, texts);
        return WriteAsync([.. texts.Select(Exposure.Parse).OfType<Exposure>().Select(ToAccepted)], cancellation);

        Accepted ToAccepted(Exposure exposure)
        {
            if (exposure is not VariantExposure variant)
            {
                return new Accepted(report, report.ToImpression((PlayExposure)exposure), null);
            }

            var experiment = set.Experiments.ByKey[variant.Experiment];
            return new Accepted(report, null, report.ToUnit(experiment, experiment.Running!, variant.Variant));
        }
    }

    private async Task<List<Accepted>> CheckAsync(
        PlaybookSet set, IReadOnlyList<IncomingExposures> part, List<(int, int, string)> refused, CancellationToken cancellation)
    {
        var parsed = part.SelectMany(r => r.Exposures).OfType<string>().Distinct(StringComparer.Ordinal)
            .ToDictionary(text => text, Exposure.Parse, StringComparer.Ordinal);
        var plays = await set.Seen.FindAsync(db, [.. parsed.Values.OfType<PlayExposure>()], cancellation);
        var erased = await erasedIds.FindBeforeAsync(
            (NpgsqlConnection)db.Database.GetDbConnection(),
            part.Where(r => r.CustomerId is not null).Select(r => (r.CustomerId!, r.At)), cancellation);
        var (accepted, doubtful) = (new List<Accepted>(part.Count), new List<(Accepted One, int Index, string Message)>());
        foreach (var report in part)
        {
            var isLate = report.CustomerId is { } id && erased.TryGetValue(id, out var gone) && report.At < gone;
            for (var i = 0; i < report.Exposures.Count; i++)
            {
                if (isLate)
                {
                    refused.Add((report.Ordinal, i, Erased));
                    continue;
                }

                switch (report.Exposures[i] is { } text ? parsed[text] : null)
                {
                    case PlayExposure play when plays.Contains(play):
                        accepted.Add(new Accepted(report, report.ToImpression(play), null));
                        break;
                    case PlayExposure:
                        refused.Add((report.Ordinal, i, "There is and was no such play at that placement."));
                        break;
                    case VariantExposure variant:
                        var (unit, message, mayBeKept) = ExposureCheck.Run(set.Experiments, report, variant);
                        if (message is null)
                        {
                            accepted.Add(new Accepted(report, null, unit));
                        }
                        else if (mayBeKept)
                        {
                            doubtful.Add((new Accepted(report, null, unit), i, message));
                        }
                        else
                        {
                            refused.Add((report.Ordinal, i, message));
                        }

                        break;
                    default:
                        refused.Add((
                            report.Ordinal,
                            i,
                            "An exposure is play:PLACEMENT/PLAYBOOK@VERSION/PLAY or experiment:KEY@RUN=VARIANT, as a decision gave it."));
                        break;
                }
            }
        }

        var kept = await FindKeptAsync([.. doubtful.Select(d => d.One.Unit!.Unit).Distinct(StringComparer.Ordinal)], cancellation);
        foreach (var (one, index, message) in doubtful)
        {
            if (kept.GetValueOrDefault((one.Unit!.Unit, one.Unit.ExperimentId, one.Unit.Run)) == one.Unit.Variant)
            {
                accepted.Add(one);
            }
            else
            {
                refused.Add((one.Report.Ordinal, index, message));
            }
        }

        return accepted;
    }

    // What units were shown before the coverage became smaller.
    private async Task<Dictionary<(string Unit, int Experiment, int Run), string>> FindKeptAsync(
        string[] named, CancellationToken cancellation) => named.Length == 0
        ? []
        : await db.ExperimentUnits.AsNoTracking().Where(u => named.Contains(u.Unit))
            .ToDictionaryAsync(u => (u.Unit, u.ExperimentId, u.Run), u => u.Variant, cancellation);

    // Without those whose record was recorded before, by its id.
    private async Task<List<Accepted>> TakeIdsAsync(List<Accepted> accepted, CancellationToken cancellation)
    {
        var named = new Dictionary<(string Visitor, string Id), IncomingExposures>();
        foreach (var report in accepted.Select(a => a.Report).Where(r => r.Id is not null))
        {
            named.TryAdd((report.VisitorId, report.Id!), report);
        }

        if (named.Count == 0)
        {
            return accepted;
        }

        var rows = named.Values.OrderBy(r => r.VisitorId, StringComparer.Ordinal).ThenBy(r => r.Id, StringComparer.Ordinal)
            .Select(r => new ExposureReport { VisitorId = r.VisitorId, Id = r.Id!, At = r.At }).ToList();
        await using var command = new NpgsqlCommand(
            $"{Insert("exposure_reports", reports)} ON CONFLICT DO NOTHING RETURNING visitor_id, id", Connection);
        reports.AddArrays(command.Parameters, rows);
        var fresh = (await command.ReadAllAsync(r => named[(r.GetString(0), r.GetString(1))], cancellation)).ToHashSet();
        return [.. accepted.Where(a => a.Report.Id is null || fresh.Contains(a.Report))];
    }

    // How many were recorded: all impressions, and units that are new or earlier than what was there. One round trip.
    private async Task<int> WriteAsync(List<Accepted> fresh, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(Connection);
        var linked = fresh.Select(f => f.Report).Where(r => r.CustomerId is not null && r.CustomerId != r.VisitorId)
            .DistinctBy(r => r.VisitorId).OrderBy(r => r.VisitorId, StringComparer.Ordinal)
            .Select(r => new VisitorLink { VisitorId = r.VisitorId, CustomerId = r.CustomerId!, At = r.At }).ToList();
        if (linked.Count > 0)
        {
            Add(links, linked, $"{Insert("visitor_links", links)} ON CONFLICT DO NOTHING");
        }

        var first = new Dictionary<(string, int, int), ExperimentUnit>();
        foreach (var unit in fresh.Select(f => f.Unit).OfType<ExperimentUnit>())
        {
            var key = (unit.Unit, unit.ExperimentId, unit.Run);
            first[key] = first.TryGetValue(key, out var other) && other.At <= unit.At ? other : unit;
        }

        var firsts = first.Values.OrderBy(u => u.Unit, StringComparer.Ordinal).ThenBy(u => u.ExperimentId).ThenBy(u => u.Run).ToList();
        var unitCommand = firsts.Count == 0 ? null : Add(
            units,
            firsts,
            $"""
            {Insert("experiment_units AS u", units)}
            ON CONFLICT (unit, experiment_id, run) DO UPDATE
                SET at = excluded.at, visitor_id = excluded.visitor_id, customer_id = coalesce(excluded.customer_id, u.customer_id)
                WHERE excluded.at < u.at
            """);
        var seen = fresh.Select(f => f.Impression).OfType<Impression>().ToList();
        if (seen.Count > 0)
        {
            Add(impressions, seen, Insert("impressions", impressions));
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancellation);
        }

        return seen.Count + (int)(unitCommand?.RecordsAffected ?? 0);

        NpgsqlBatchCommand Add<T>(BulkTable<T> table, List<T> rows, string sql)
            where T : class
        {
            var command = new NpgsqlBatchCommand(sql);
            table.AddArrays(command.Parameters, rows);
            batch.BatchCommands.Add(command);
            return command;
        }
    }

    // One array a column: as many rows as there are, in one statement that is always the same.
    private static string Insert<T>(string into, BulkTable<T> table)
        where T : class =>
        $"INSERT INTO {into} ({table.ColumnList}) SELECT * FROM unnest({string.Join(", ", table.Columns.Select((_, i) => $"${i + 1}"))})";

    // That of the transaction.
    private NpgsqlConnection Connection => (NpgsqlConnection)db.Database.GetDbConnection();

    // Either an impression or a unit.
    private sealed record Accepted(IncomingExposures Report, Impression? Impression, ExperimentUnit? Unit);
}
