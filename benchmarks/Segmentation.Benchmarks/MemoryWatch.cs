namespace Segmentation.Benchmarks;

/// <summary>Reads the API's resident memory twenty times a second.</summary>
internal sealed class MemoryWatch : IDisposable
{
    private readonly Timer timer;
    private double most;

    public MemoryWatch(ApiProcess api) => timer = new Timer(_ => Read(api), null, 0, 50);

    /// <summary>The most seen so far, in MB.</summary>
    public double Most => most;

    public void Dispose() => timer.Dispose();

    // An exception here would end this process, and leave PostgreSQL behind.
    private void Read(ApiProcess api)
    {
        try
        {
            most = Math.Max(most, api.Resident());
        }
        catch (Exception ended) when (ended is InvalidOperationException or IOException)
        {
            // It has been stopped.
        }
    }
}
