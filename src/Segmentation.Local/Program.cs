using Segmentation.Api;

namespace Segmentation.Local;

/// <summary>
/// What <c>./run</c> starts: the service of Segmentation.Api, with a private PostgreSQL and with sample data to try it on.
/// </summary>
internal static class Program
{
    private const string SampleSwitch = "--sample";

    /// <summary>What it takes beside what the API takes.</summary>
    public static ProgramParts Parts { get; } = new()
    {
        Command = "./run",
        Switches =
        [
            new(SampleSwitch, "loads 5,000 customers, 200,000 events and eighteen segments to try it on"), .. new ProgramParts().Switches,
        ],
        Settings = [.. ApiSettings.All, .. EmbeddedOptions.Table],
        StartDatabase = Database.StartAsync,
        LoadSwitch = SampleSwitch,
        LoadAsync = (services, say, cancellation) => ActivatorUtilities.CreateInstance<SampleData>(services).LoadAsync(cancellation, say),
    };

    public static Task<int> Main(string[] args) => Startup.RunAsync(args, Parts);
}
