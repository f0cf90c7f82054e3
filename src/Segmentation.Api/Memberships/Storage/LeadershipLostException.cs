namespace Segmentation.Api.Memberships;

/// <summary>This process no longer maintains membership: another has taken over.</summary>
internal sealed class LeadershipLostException() : Exception("Another process maintains membership now.");
