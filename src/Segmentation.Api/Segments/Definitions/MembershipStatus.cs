namespace Segmentation.Api.Segments;

/// <summary>Whether the membership of a segment is stored: <c>building</c>, <c>ready</c>, or <c>failed</c> (it is tried again).</summary>
public enum MembershipStatus { Building, Ready, Failed }
