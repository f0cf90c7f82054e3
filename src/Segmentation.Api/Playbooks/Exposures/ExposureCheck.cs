using Segmentation.Api.Experiments;

namespace Segmentation.Api.Playbooks;

/// <summary>Whether a variant can have been seen by a unit: nobody puts a unit into another variant.</summary>
internal static class ExposureCheck
{
    /// <summary>How long after a run's end what was seen in it is still taken.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromHours(24);

    /// <summary>Checks an exposure of a variant.</summary>
    /// <returns>The unit; why it is refused, or null; and whether what is stored of the unit may say otherwise.</returns>
    public static (ExperimentUnit? Unit, string? Message, bool MayBeKept) Run(
        ExperimentSet experiments, IncomingExposures report, VariantExposure exposure)
    {
        if (!experiments.ByKey.TryGetValue(exposure.Experiment, out var experiment))
        {
            return Refuse($"There is no experiment \"{exposure.Experiment}\".");
        }

        if (exposure.Run > experiment.Runs.Count)
        {
            return Refuse(experiment.Runs.Count == 0
                ? $"\"{experiment.Key}\" has not run yet."
                : $"\"{experiment.Key}\" has no run {exposure.Run} yet.");
        }

        var run = experiment.Runs[exposure.Run - 1];
        if (report.At < run.StartedAt)
        {
            return Refuse($"at is before the start of run {run.Number} of \"{experiment.Key}\".");
        }

        if (report.At > run.StoppedAt + Late)
        {
            return Refuse($"at is more than 24 hours after the end of run {run.Number} of \"{experiment.Key}\".");
        }

        if (report.ToUnit(experiment, run, exposure.Variant) is not { } unit)
        {
            return Refuse($"\"{experiment.Key}\" splits customers: customerId is missing.");
        }

        var variant = run.Split.Assign(unit.Unit).Variant is { } i ? run.Variants[i] : null;
        return variant == exposure.Variant ? (unit, null, false)
            : variant is not null ? Refuse($"\"{exposure.Variant}\" is not this unit's: the split gives \"{variant}\".")
            : (unit, $"\"{exposure.Variant}\" is not this unit's: the split gives it no variant.", run.MayKeep);

        static (ExperimentUnit?, string?, bool) Refuse(string message) => (null, message, false);
    }
}
