namespace Segmentation.Api.Streams;

/// <summary>The settings under <c>Streams</c>.</summary>
public sealed class StreamOptions
{
    /// <summary>After so long without an event a stream sends a heartbeat.</summary>
    public double HeartbeatSeconds { get; set; } = 15;
}
