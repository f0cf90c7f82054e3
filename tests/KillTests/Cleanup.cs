using System.Runtime.InteropServices;

namespace KillTests;

/// <summary>
/// Ends what a program has started, once: at its own end, or when it is interrupted, which must not leave other processes behind.
/// </summary>
internal sealed class Cleanup : IAsyncDisposable
{
    /// <summary>The exit code of a program that was interrupted.</summary>
    public const int Interrupted = 130;

    private readonly Lazy<Task> cleaned;
    private readonly PosixSignalRegistration[] signals;

    public Cleanup(Func<Task> clean)
    {
        cleaned = new Lazy<Task>(clean);
        signals = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(s => PosixSignalRegistration.Create(s, Stop))];
    }

    /// <summary>Whether it has begun: what fails from then on fails for that.</summary>
    public bool HasBegun => cleaned.IsValueCreated;

    public async ValueTask DisposeAsync()
    {
        await cleaned.Value;
        Array.ForEach(signals, s => s.Dispose());
    }

    private void Stop(PosixSignalContext signal)
    {
        cleaned.Value.Wait();
        Environment.Exit(Interrupted);
    }
}
