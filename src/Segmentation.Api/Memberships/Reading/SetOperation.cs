namespace Segmentation.Api.Memberships;

/// <summary>How segments are put together.</summary>
public enum SetOperation { Union, Intersection, Difference }
