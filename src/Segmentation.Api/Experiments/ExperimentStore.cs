using System.Security.Claims;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Experiments;

/// <summary>Writes experiments: their definitions with every version, and their runs. One definition changes at a time.</summary>
public sealed class ExperimentStore(
    SegmentationDb db, MetricStore metrics, IEnumerable<IExperimentUser> users, Limits limits, TimeProvider time)
{
    /// <summary>How long ago a run may have started that is told of now.</summary>
    public const int MaxDaysBack = 90;

    /// <summary>The one with this key.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<ExperimentResource> ReadAsync(string key, CancellationToken cancellation)
    {
        var experiment = await GetAsync(db.Experiments.AsNoTracking(), key, cancellation);
        return ExperimentResource.From(experiment, await LastRunAsync(experiment, cancellation));
    }

    /// <summary>All of them, by key.</summary>
    public async Task<IReadOnlyList<ExperimentResource>> ListAsync(CancellationToken cancellation)
    {
        var experiments = await db.Experiments.AsNoTracking().OrderBy(e => e.Key).ToListAsync(cancellation);
        var runs = await db.ExperimentRuns.AsNoTracking()
            .Join(db.Experiments, r => new { Id = r.ExperimentId, r.Run }, e => new { e.Id, e.Run }, (r, e) => r)
            .ToDictionaryAsync(r => r.ExperimentId, cancellation);
        return [.. experiments.Select(e => ExperimentResource.From(e, runs.GetValueOrDefault(e.Id)))];
    }

    /// <summary>Saves a definition. One that has not changed is no new version.</summary>
    /// <param name="key">The experiment's.</param>
    /// <param name="change">From the experiment as it is, or null where there is none, to the definition as it is to be; throws where that
    /// can't be.</param>
    /// <param name="user">Who saves it.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ApiProblem">400; 409: it is running, and this would change who is compared with whom.</exception>
    public async Task<(ExperimentResource Experiment, bool Created)> SaveAsync(
        string key, Func<Experiment?, Task<ExperimentResource>> change, ClaimsPrincipal user, CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        var experiment = await db.Experiments.SingleOrDefaultAsync(e => e.Key == key, cancellation);
        var body = await change(experiment);
        var complete = ExperimentCheck.Run(key, body, [.. (await metrics.ListAsync(cancellation)).Select(m => m.Key!)]);
        var created = experiment is null;
        if (experiment is null)
        {
            if (await db.Experiments.CountAsync(cancellation) >= limits.Experiments)
            {
                throw ApiProblem.TooMany(limits.Experiments, "experiments");
            }

            experiment = db.Experiments.Add(new Experiment { Key = key, CreatedAt = Now() }).Entity;
        }

        var definition = JsonSerializer.SerializeToElement(complete, Json.Options);
        var last = await LastRunAsync(experiment, cancellation);
        if (created || !JsonElement.DeepEquals(experiment.Definition, definition))
        {
            if (experiment.Status == ExperimentStatus.Running)
            {
                CheckRunning(key, ExperimentResource.Read(experiment.Definition), complete);
                last!.Definition = definition;
                last.MaxCoverage = Math.Max(last.MaxCoverage, ExperimentResource.ToDouble(complete.Coverage!.Value));
            }

            experiment.Definition = definition;
            experiment.Version++;
            experiment.UpdatedAt = Now();
            await db.SaveChangesAsync(cancellation);
            db.ExperimentVersions.Add(new ExperimentVersion
            {
                ExperimentId = experiment.Id,
                Version = experiment.Version,
                Definition = definition,
                ChangedAt = experiment.UpdatedAt,
                ChangedBy = user.Identity?.Name ?? "anonymous",
            });
            await db.SaveChangesAsync(cancellation);
            await db.ExperimentVersions.Where(v => v.ExperimentId == experiment.Id && v.Version <= experiment.Version - limits.Versions)
                .ExecuteDeleteAsync(cancellation);
        }

        await transaction.CommitAsync(cancellation);
        return (ExperimentResource.From(experiment, last), created);
    }

    /// <summary>Deletes an experiment, with its runs and units, if there is one.</summary>
    /// <exception cref="ApiProblem">409: it runs, or it is named elsewhere.</exception>
    public async Task DeleteAsync(string key, Action<int?> checkVersion, CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        var experiment = await db.Experiments.SingleOrDefaultAsync(e => e.Key == key, cancellation);
        checkVersion(experiment?.Version);
        if (experiment is null)
        {
            return;
        }

        if (experiment.Status == ExperimentStatus.Running)
        {
            throw ApiProblem.Conflict($"\"{key}\" is running: stop it first.");
        }

        var named = new List<string>();
        foreach (var user in users)
        {
            named.AddRange(await user.ListUsersAsync(key, cancellation));
        }

        if (named.Count > 0)
        {
            throw ApiProblem.Conflict($"\"{key}\" is in use: {string.Join(", ", named)}.");
        }

        await db.ExperimentUnits.Where(u => u.ExperimentId == experiment.Id).ExecuteDeleteAsync(cancellation);
        db.Remove(experiment);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Starts the next run.</summary>
    /// <param name="at">When it has started; null for now.</param>
    /// <exception cref="ApiProblem">404; 400; 409: it runs, or another that runs shares units of its layer.</exception>
    public Task<ExperimentResource> StartAsync(
        string key, DateTimeOffset? at, Action<int?> checkVersion, CancellationToken cancellation) =>
        ChangeAsync(key, checkVersion, async (experiment, last) =>
        {
            if (experiment.Status == ExperimentStatus.Running)
            {
                throw ApiProblem.Conflict($"\"{key}\" is running already.");
            }

            var (now, definition) = (Now(), ExperimentResource.Read(experiment.Definition));
            var startedAt = at is { } told ? LocalTime.Truncate(told) : now;
            if (startedAt > now || startedAt < now.AddDays(-MaxDaysBack))
            {
                throw ApiProblem.Invalid("/at", $"at is an instant in the past, {MaxDaysBack} days ago at most.");
            }

            if (startedAt < last?.StoppedAt)
            {
                throw ApiProblem.Invalid("/at", "at must not be before the end of the run before.");
            }

            if (definition.Layer is { } layer)
            {
                await CheckLayerAsync(key, definition, layer, cancellation);
            }

            (experiment.Run, experiment.Status) = (experiment.Run + 1, ExperimentStatus.Running);
            return db.ExperimentRuns.Add(new ExperimentRun
            {
                ExperimentId = experiment.Id,
                Run = experiment.Run,
                StartedAt = startedAt,
                Definition = experiment.Definition,
                MaxCoverage = ExperimentResource.ToDouble(definition.Coverage!.Value),
            }).Entity;
        }, cancellation);

    /// <summary>Stops the run that is under way.</summary>
    /// <param name="winner">The key of the variant that everybody gets from now on; null for none.</param>
    /// <exception cref="ApiProblem">404; 400; 409: it does not run.</exception>
    public Task<ExperimentResource> StopAsync(
        string key, string? winner, string? reason, Action<int?> checkVersion, CancellationToken cancellation) =>
        ChangeAsync(key, checkVersion, (experiment, last) =>
        {
            if (experiment.Status != ExperimentStatus.Running)
            {
                throw ApiProblem.Conflict($"\"{key}\" is not running.");
            }

            var variants = ExperimentResource.Read(experiment.Definition).Variants!.Select(v => v.Key).ToList();
            if (winner is not null && !variants.Contains(winner))
            {
                throw ApiProblem.Invalid("/winner", $"The variants are {string.Join(", ", variants)}.");
            }

            if (!Texts.Fits(reason, Segment.TextMaxLength))
            {
                throw ApiProblem.Invalid("/reason", Texts.TooLong(Segment.TextMaxLength));
            }

            experiment.Status = ExperimentStatus.Stopped;
            (last!.StoppedAt, last.Winner, last.Reason) = (Now(), winner, string.IsNullOrWhiteSpace(reason) ? null : reason.Trim());
            return Task.FromResult<ExperimentRun?>(last);
        }, cancellation);

    /// <summary>Puts away an experiment that does not run.</summary>
    /// <exception cref="ApiProblem">404; 409: it runs.</exception>
    public Task<ExperimentResource> ArchiveAsync(string key, Action<int?> checkVersion, CancellationToken cancellation) =>
        ChangeAsync(key, checkVersion, (experiment, last) =>
        {
            experiment.Status = experiment.Status == ExperimentStatus.Running
                ? throw ApiProblem.Conflict($"\"{key}\" is running: stop it first.")
                : ExperimentStatus.Archived;
            return Task.FromResult(last);
        }, cancellation);

    /// <summary>Of those asked for, the experiment with this key.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    internal static async Task<Experiment> GetAsync(IQueryable<Experiment> from, string key, CancellationToken cancellation) =>
        (ExperimentCheck.IsKey(key) ? await from.SingleOrDefaultAsync(e => e.Key == key, cancellation) : null)
        ?? throw ApiProblem.NotFound("experiment");

    private async Task<ExperimentResource> ChangeAsync(
        string key,
        Action<int?> checkVersion,
        Func<Experiment, ExperimentRun?, Task<ExperimentRun?>> change,
        CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        var experiment = await GetAsync(db.Experiments, key, cancellation);
        checkVersion(experiment.Version);
        var last = await change(experiment, await LastRunAsync(experiment, cancellation));
        experiment.UpdatedAt = Now();
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return ExperimentResource.From(experiment, last);
    }

    private async Task CheckLayerAsync(string key, ExperimentResource own, ExperimentLayer layer, CancellationToken cancellation)
    {
        var running = await db.Experiments.AsNoTracking().Where(e => e.Status == ExperimentStatus.Running).OrderBy(e => e.Key)
            .ToListAsync(cancellation);
        foreach (var experiment in running)
        {
            var other = ExperimentResource.Read(experiment.Definition);
            if (other.Layer is not { } range || range.Key != layer.Key)
            {
                continue;
            }

            if (other.Unit != own.Unit)
            {
                throw ApiProblem.Conflict(
                    $"The layer \"{layer.Key}\" splits by another unit in \"{experiment.Key}\", which runs: "
                    + $"the same units can't be kept apart there and in \"{key}\".");
            }

            if (layer.From < range.To && range.From < layer.To)
            {
                throw ApiProblem.Conflict(
                    $"Of the layer \"{layer.Key}\" \"{experiment.Key}\" has the part from {range.From} to {range.To}, and runs: "
                    + $"\"{key}\" needs a part that does not overlap.");
            }
        }
    }

    // Who is compared with whom, and by what it is decided, stays.
    private static void CheckRunning(string key, ExperimentResource before, ExperimentResource after)
    {
        static JsonElement Fixed(ExperimentResource all) => JsonSerializer.SerializeToElement(
            all with
            {
                Name = null,
                Description = null,
                Hypothesis = null,
                Tags = null,
                Coverage = null,
                Metrics = all.Metrics?.Primary is { } primary ? new ExperimentMetrics { Primary = primary } : null,
            },
            Json.Options);

        var (old, changed) = (Fixed(before), Fixed(after));
        var names = old.EnumerateObject().Concat(changed.EnumerateObject()).Select(p => p.Name).Distinct()
            .Where(n => !(old.TryGetProperty(n, out var a) && changed.TryGetProperty(n, out var b) && JsonElement.DeepEquals(a, b)))
            .Select(n => n == "metrics" ? "metrics.primary" : n).ToList();
        if (names.Count > 0)
        {
            throw ApiProblem.Conflict(
                $"\"{key}\" is running: {string.Join(", ", names)} can't change, since that would change who is compared with whom. "
                + "Stop it first; started again it is a new run. name, description, hypothesis, tags, coverage, secondary metrics and "
                + "guardrails can change.");
        }
    }

    private Task<ExperimentRun?> LastRunAsync(Experiment experiment, CancellationToken cancellation) => experiment.Run == 0
        ? Task.FromResult<ExperimentRun?>(null)
        : db.ExperimentRuns.SingleOrDefaultAsync(r => r.ExperimentId == experiment.Id && r.Run == experiment.Run, cancellation);

    private DateTimeOffset Now() => LocalTime.Truncate(time.GetUtcNow());
}
