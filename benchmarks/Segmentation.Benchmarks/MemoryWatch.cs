namespace Segmentation.Benchmarks;

/// <summary>Looks at the API's resident memory twenty times a second.</summary>
internal sealed class MemoryWatch : IDisposable
{
    private readonly Timer timer;
    private double most;

    public MemoryWatch(ApiProcess api) => timer = new Timer(_ => most = Math.Max(most, api.Resident()), null, 0, 50);

    /// <summary>The most seen so far, in MB.</summary>
    public double Most => most;

    public void Dispose() => timer.Dispose();
}
