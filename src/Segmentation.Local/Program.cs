using Segmentation.Api;

namespace Segmentation.Local;

/// <summary>
/// What <c>./run</c> starts: the service of Segmentation.Api, with a private PostgreSQL and with sample data to try it on.
/// </summary>
internal static class Program
{
    private const string SampleSwitch = "--sample";

    public static Task<int> Main(string[] args) => Startup.RunAsync(
        [.. args.Where(a => a != SampleSwitch)], Database.LocateAsync, args.Contains(SampleSwitch) ? LoadSampleAsync : null);

    private static Task LoadSampleAsync(IServiceProvider services, CancellationToken cancellation) =>
        ActivatorUtilities.CreateInstance<SampleData>(services).LoadAsync(cancellation);
}
