namespace Segmentation.Api.Memberships;

/// <summary>How segments are combined.</summary>
public enum SetOperation { Union, Intersection, Difference }
