using System.Text.Json;

namespace Segmentation.Api.Experiments;

/// <summary>An experiment: variants, and who gets which.</summary>
public sealed class Experiment
{
    /// <summary>The database's own key; never leaves the service.</summary>
    public int Id { get; set; }

    /// <summary>The caller's slug.</summary>
    public required string Key { get; set; }

    /// <summary>As it is answered, without its key and what is read-only.</summary>
    public JsonElement Definition { get; set; }
    public ExperimentStatus Status { get; set; }

    /// <summary>The number of its last run; 0 before the first.</summary>
    public int Run { get; set; }

    /// <summary>Counts the definitions it has had, from 1; the ETag.</summary>
    public int Version { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>Whether an experiment splits units: only one that is running does.</summary>
public enum ExperimentStatus { Draft, Running, Stopped, Archived }

/// <summary>One definition that an experiment has had.</summary>
public sealed class ExperimentVersion
{
    public int ExperimentId { get; set; }
    public int Version { get; set; }

    /// <inheritdoc cref="Experiment.Definition"/>
    public JsonElement Definition { get; set; }
    public DateTimeOffset ChangedAt { get; set; }
    public required string ChangedBy { get; set; }
}

/// <summary>A time in which an experiment ran, with units of its own.</summary>
public sealed class ExperimentRun
{
    public int ExperimentId { get; set; }

    /// <summary>From 1.</summary>
    public int Run { get; set; }
    public DateTimeOffset StartedAt { get; set; }

    /// <summary>Null while it runs.</summary>
    public DateTimeOffset? StoppedAt { get; set; }

    /// <summary>The key of the variant that everybody gets after it; null for none.</summary>
    public string? Winner { get; set; }

    /// <summary>Why it was stopped, in words.</summary>
    public string? Reason { get; set; }

    /// <summary>The experiment's, as it is while the run is under way, and as it was at its end.</summary>
    public JsonElement Definition { get; set; }

    /// <summary>The largest coverage it had: where the present one is less, units may have been shown what they no longer get.</summary>
    public double MaxCoverage { get; set; }
}
