using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Experiments;

/// <summary>All experiments as they stood at an instant, ready to assign.</summary>
public sealed class ExperimentSet
{
    private ExperimentSet(IReadOnlyDictionary<string, KnownExperiment> byKey) => ByKey = byKey;

    /// <summary>Those there are.</summary>
    public IReadOnlyDictionary<string, KnownExperiment> ByKey { get; }

    /// <summary>Reads them.</summary>
    public static async Task<ExperimentSet> LoadAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var experiments = await db.Experiments.AsNoTracking().ToListAsync(cancellation);
        var runs = (await db.ExperimentRuns.AsNoTracking().OrderBy(r => r.Run).ToListAsync(cancellation)).ToLookup(r => r.ExperimentId);
        return new ExperimentSet(experiments.ToDictionary(
            e => e.Key, e => new KnownExperiment(e, [.. runs[e.Id].Select(r => new KnownRun(r))]), StringComparer.Ordinal));
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public static async Task<KnownExperiment> GetAsync(SegmentationDb db, string key, CancellationToken cancellation)
    {
        var experiment = await ExperimentStore.GetAsync(db.Experiments.AsNoTracking(), key, cancellation);
        var runs = await db.ExperimentRuns.AsNoTracking().Where(r => r.ExperimentId == experiment.Id).OrderBy(r => r.Run)
            .ToListAsync(cancellation);
        return new KnownExperiment(experiment, [.. runs.Select(r => new KnownRun(r))]);
    }
}

/// <summary>An experiment, ready to assign.</summary>
public sealed class KnownExperiment
{
    private readonly Experiment experiment;
    private readonly ExperimentResource definition;

    internal KnownExperiment(Experiment experiment, IReadOnlyList<KnownRun> runs)
    {
        (this.experiment, Runs, definition) = (experiment, runs, ExperimentResource.Read(experiment.Definition));
        Variants = [.. definition.Variants!.Select(v => v.Key!)];
    }

    /// <summary>The database's own key.</summary>
    public int Id => experiment.Id;
    public string Key => experiment.Key;
    public ExperimentStatus Status => experiment.Status;

    /// <summary>What it splits.</summary>
    public ExperimentUnitKind Unit => definition.Unit!.Value;

    /// <summary>The keys of its variants, in their order, as it is defined now.</summary>
    public IReadOnlyList<string> Variants { get; }

    /// <summary>Its runs, in their order.</summary>
    public IReadOnlyList<KnownRun> Runs { get; }

    /// <summary>The run that is under way; null where it does not run.</summary>
    public KnownRun? Running => Status == ExperimentStatus.Running ? Runs[^1] : null;

    /// <summary>The variant that everybody gets; null where it runs, or was stopped without one.</summary>
    public string? Winner => Status == ExperimentStatus.Stopped && Runs is [.., { Winner: { } winner }] ? winner : null;

    /// <summary>What a run is or would be split by.</summary>
    /// <param name="run">From 1; one that is to come goes by the experiment as it is defined now.</param>
    public (Split Split, IReadOnlyList<string> Variants) FindSplit(int run) => run <= Runs.Count
        ? (Runs[run - 1].Split, Runs[run - 1].Variants)
        : (definition.CreateSplit(run), Variants);
}

/// <summary>A run of an experiment.</summary>
public sealed class KnownRun
{
    internal KnownRun(ExperimentRun run)
    {
        var definition = ExperimentResource.Read(run.Definition);
        (Number, StartedAt, StoppedAt, Winner) = (run.Run, run.StartedAt, run.StoppedAt, run.Winner);
        Unit = definition.Unit!.Value;
        Variants = [.. definition.Variants!.Select(v => v.Key!)];
        Split = definition.CreateSplit(run.Run);
        MayKeep = run.MaxCoverage > ExperimentResource.ToDouble(definition.Coverage!.Value);
    }

    /// <summary>From 1.</summary>
    public int Number { get; }
    public DateTimeOffset StartedAt { get; }

    /// <summary>Null while it runs.</summary>
    public DateTimeOffset? StoppedAt { get; }
    public string? Winner { get; }
    public ExperimentUnitKind Unit { get; }

    /// <summary>The keys of its variants, in their order.</summary>
    public IReadOnlyList<string> Variants { get; }
    public Split Split { get; }

    /// <summary>Whether a unit may have been shown a variant that the split does not give it any more: its coverage was larger. Only then
    /// has anyone to look at what is stored.</summary>
    public bool MayKeep { get; }
}
