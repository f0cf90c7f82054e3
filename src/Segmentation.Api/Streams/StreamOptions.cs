namespace Segmentation.Api.Streams;

/// <summary>The settings under <c>Streams</c>.</summary>
internal sealed class StreamOptions
{
    /// <summary>After so long without an event a stream says that it is alive.</summary>
    public double HeartbeatSeconds { get; set; } = 15;
}
