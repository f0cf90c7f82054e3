namespace Segmentation.Api.Experiments;

/// <summary>A unit of a run: the first time that it was shown its variant.</summary>
public sealed class ExperimentUnit
{
    public const int IdMaxLength = 128;

    public int ExperimentId { get; set; }
    public int Run { get; set; }

    /// <summary>The visitor's id or the customer's, whichever the experiment splits by.</summary>
    public required string Unit { get; set; }

    /// <summary>The variant's key.</summary>
    public required string Variant { get; set; }
    public DateTimeOffset At { get; set; }
    public required string VisitorId { get; set; }

    /// <summary>Null where it was not said.</summary>
    public string? CustomerId { get; set; }
}

/// <summary>A play that was seen, once.</summary>
public sealed class Impression
{
    public long Id { get; set; }
    public required string VisitorId { get; set; }
    public string? CustomerId { get; set; }

    /// <summary>The visit's id; null where it was not said.</summary>
    public string? VisitId { get; set; }
    public DateTimeOffset At { get; set; }
    public required string Placement { get; set; }
    public required string Playbook { get; set; }

    /// <summary>The playbook's.</summary>
    public int Version { get; set; }
    public required string Play { get; set; }
}

/// <summary>Whose a visitor is: the first customer that it was seen with.</summary>
public sealed class VisitorLink
{
    public required string VisitorId { get; set; }
    public required string CustomerId { get; set; }
    public DateTimeOffset At { get; set; }
}

/// <summary>The id of a report of exposures that was recorded: sent again, it is not.</summary>
public sealed class ExposureReport
{
    public required string VisitorId { get; set; }
    public required string Id { get; set; }
    public DateTimeOffset At { get; set; }
}
