namespace Segmentation.Api.Segments;

/// <summary>
/// That a segment was deleted: written with the deletion, for those who follow the segment, of whom some come back later.
/// </summary>
public sealed class DeletedSegment
{
    /// <summary>The id that the segment had; one made anew under the same key has another.</summary>
    public int SegmentId { get; set; }
    public required string Key { get; set; }
    public required string Name { get; set; }

    /// <summary>The segment's last version.</summary>
    public int Version { get; set; }

    /// <summary>The revision of stored membership in which all left; null until the maintainer has written it.</summary>
    public long? Revision { get; set; }
}
