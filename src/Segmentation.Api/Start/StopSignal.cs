using System.Runtime.InteropServices;

namespace Segmentation.Api;

/// <summary>
/// Turns Ctrl-C and SIGTERM into a cancellation while the host, which does so itself, is not running yet: without it a signal during the
/// first start, the migrations or the sample would end the process at once and leave a private PostgreSQL running.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    /// <summary>Starts listening; <see cref="Dispose"/> gives the signals back.</summary>
    public StopSignal() =>
        registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(s => PosixSignalRegistration.Create(s, OnSignal))];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(registrations, r => r.Dispose()); // Not the source: a signal may be on its way to it.

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        source.Cancel();
    }
}
