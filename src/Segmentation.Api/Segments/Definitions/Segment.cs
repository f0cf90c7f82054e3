using System.Text.Json;

namespace Segmentation.Api.Segments;

/// <summary>A segment: a goal in words, and a rule (or a list made by hand) that says who is in it.</summary>
public sealed class Segment
{
    public const int KeyMaxLength = 63;
    public const string KeyPattern = "^[a-z0-9][a-z0-9-]{0,62}$";
    public const int NameMaxLength = 200;
    public const int TextMaxLength = 4000;
    public const int TagMaxLength = 64;
    public const int TagsMaxItems = 50;
    public const int ConsentsMaxItems = 10;
    public const string KeyIndex = "ux_segments_key";

    /// <summary>The database's own key; never leaves the service.</summary>
    public int Id { get; set; }

    /// <summary>The caller's slug.</summary>
    public required string Key { get; set; }
    public required string Name { get; set; }
    public string? Description { get; set; }

    /// <summary>What the segment is for, in words.</summary>
    public string? Goal { get; set; }

    /// <summary>The key of the metric that says how well the goal is reached; null for none.</summary>
    public string? GoalMetric { get; set; }
    public SegmentKind Kind { get; set; }

    /// <summary>The original rule tree; null for a manual segment.</summary>
    public JsonElement? Rule { get; set; }

    /// <summary>IANA; the zone in which the rule's days begin.</summary>
    public required string TimeZone { get; set; }
    public string[] Tags { get; set; } = [];
    public SegmentStatus Status { get; set; }

    /// <summary>The purposes that each member has consented to, whatever the rule says.</summary>
    public string[] RequiresConsent { get; set; } = [];

    /// <summary>Counts the definitions it has had, from 1; the ETag.</summary>
    public int Version { get; set; }

    /// <summary>Members at <see cref="EvaluatedAt"/>, the last time this version was counted; null before.</summary>
    public long? MemberCount { get; set; }
    public DateTimeOffset? EvaluatedAt { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>How a segment gets its members: by its rule, or by hand.</summary>
public enum SegmentKind { Rule, Manual }

/// <summary>Whether the membership of a segment is kept up to date (<c>active</c>), or only evaluated when asked for.</summary>
public enum SegmentStatus { Draft, Active, Archived }
