using Segmentation.Api.Experiments;

namespace Segmentation.Api.Playbooks;

/// <summary>Whom it is decided for, as <see cref="Decider"/> asks of it.</summary>
internal sealed class Visitor
{
    /// <summary>The visitor's id.</summary>
    public required string VisitorId { get; init; }

    /// <summary>The customer's id; null where it is not known who it is.</summary>
    public string? CustomerId { get; init; }

    /// <summary>The instant that it is decided as of.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Whether its processing is restricted: nothing but what everybody gets is for it.</summary>
    public bool IsRestricted { get; init; }

    /// <summary>Whether a consent is given.</summary>
    public required Func<string, bool> HasConsent { get; init; }

    /// <summary>Whether it is in the audience of a playbook that has one.</summary>
    public required Func<CompiledPlaybook, bool> IsInAudience { get; init; }

    /// <summary>Whether the context is that of a play that has a condition.</summary>
    public required Func<CompiledPlaybook, CompiledPlay, bool> IsTime { get; init; }

    /// <summary>How often a play was shown to it, for each cap.</summary>
    public required Func<CompiledPlaybook, CompiledPlay, IReadOnlyList<CountedCap>> CountCaps { get; init; }

    /// <summary>The plays that it was shown in this visit by playbooks that keep, the latest first.</summary>
    public IReadOnlyList<(string Placement, string Playbook, string Play)> Shown { get; init; } = [];

    /// <summary>The variants that it keeps, by experiment and run.</summary>
    public IReadOnlyDictionary<(int Experiment, int Run), string> Kept { get; init; } =
        new Dictionary<(int Experiment, int Run), string>();

    /// <summary>Where it is in an experiment.</summary>
    public AssignedVariant Assign(KnownExperiment experiment)
    {
        if (experiment.Running is not { } run)
        {
            return new AssignedVariant(experiment.Key, null, null, null, null);
        }

        if ((run.Unit == ExperimentUnitKind.Visitor ? VisitorId : CustomerId) is not { } unit)
        {
            return new AssignedVariant(experiment.Key, run.Number, null, null, null);
        }

        var assigned = run.Split.Assign(unit);
        return Kept.TryGetValue((experiment.Id, run.Number), out var kept)
            ? new AssignedVariant(experiment.Key, run.Number, assigned.Bucket, kept, AssignmentReason.Kept)
            : new AssignedVariant(
                experiment.Key,
                run.Number,
                assigned.Bucket,
                assigned.Variant is { } i ? run.Variants[i] : null,
                assigned.Reason);
    }
}
