namespace Segmentation.Api.Segments;

/// <summary>Names metrics in definitions of its own, and says so before one goes.</summary>
public interface IMetricUser
{
    /// <summary>What names this metric, as an error text lists it: <c>experiment hero-copy</c>.</summary>
    Task<IReadOnlyList<string>> ListUsersAsync(string metric, CancellationToken cancellation);
}
