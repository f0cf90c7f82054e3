using System.Runtime.InteropServices;
using Segmentation.Benchmarks;

if (args.Contains(StoredSection.BareFlag))
{
    await StoredSection.ServeBareAsync(args);
    return 0;
}

Section[] sections =
[
    new("rules", "Frozen rules against SQL by hand", RulesSection.RunAsync),
    new("segments", "A customer's segments", SegmentsSection.RunAsync),
    new("members", "Members, early and late pages", MembersSection.RunAsync),
    new("ingest", "Event ingest", IngestSection.RunAsync),
    new("decisions", "Decisions", DecisionSection.RunAsync),
    new("exposures", "Exposures", ExposureSection.RunAsync),
    new("import", "Customer import", ImportSection.RunAsync),
    new("performance", "How a segment does", PerformanceSection.RunAsync),
    new("portfolio", "All segments in one table", PerformanceSection.RunPortfolioAsync),
    new("movers", "Whom the clock moves", MoversSection.RunAsync),
    new("forecast", "Where a segment is heading", ForecastSection.RunAsync),
    new("opportunities", "Groups nobody thought of", OpportunitiesSection.RunAsync, Stored: true),
    new("compile", "Compiling rules", CompileSection.RunAsync),
    new("profile", "What marks a segment", ProfileSection.RunAsync, Stored: true),
    new("clusters", "Which groups there are", ClustersSection.RunAsync, Stored: true),
    new("score", "Scoring everybody", ScoreSection.RunAsync),
    new("fit", "Fitting lifetime value", FitSection.RunAsync, Stored: true),
    new("propensity", "Fitting propensity", FitSection.RunPropensityAsync, Stored: true),
    new("consents", "Consents and profiles, one by one", ConsentsSection.RunAsync, Stored: true),
    new("build", "Stored membership: building it", BuildSection.RunAsync, Stored: true),
    new("change", "Stored membership: customers that change", ChangeSection.RunAsync, Stored: true),
    new("stored", "Stored membership: a customer's segments", StoredSection.RunAsync, Stored: true),
    new("overlap", "Stored membership: overlap", OverlapSection.RunAsync, Stored: true),
    new("live", "Stored membership: live, while events come in", LiveSection.RunAsync, Stored: true),
];

var options = Options.Read(args);
if (options.Only.Except(sections.Select(s => s.Name)).FirstOrDefault() is { } unknown)
{
    throw new ArgumentException($"{unknown} is none of {string.Join(", ", sections.Select(s => s.Name))}.");
}

using var pages = options.SmallPages ? null : HugePages.Reserve();
await using var server = await Loader.StartAsync(options);

// A kill must not leave the API and PostgreSQL behind.
ApiProcess? running = null;
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
void Stop(PosixSignalContext signal)
{
    running?.DisposeAsync().AsTask().Wait();
    server.DisposeAsync().AsTask().Wait();
    pages?.Dispose();
    Environment.Exit(130);
}

if (options.LoadOnly)
{
    return 0;
}

await using var plain = World.PlainSource(server.ConnectionString);
var status = 0;
var measured = new Dictionary<string, string>();
Section[] chosen = options.Only.Count == 0 ? sections : [.. options.Only.Select(o => sections.Single(s => s.Name == o))];
World? world = null;
IAsyncDisposable? leadership = null;
for (var i = 0; i < chosen.Length; i++)
{
    var section = chosen[i];
    var ended = !section.Stored || i == chosen.Length - 1 || !chosen[i + 1].Stored;
    try
    {
        // A process of its own each: none starts with the memory or the caches that another left. Those about stored membership follow each
        // other in one process, since what is built for one is queried by the next. Beside the others nobody maintains membership: they
        // measure evaluation.
        if (world is null)
        {
            world = new World(options, server.ConnectionString, null!, plain);
            await StoredSegments.CleanAsync(world);
            leadership = section.Stored ? null : await StoredSegments.HoldLeadershipAsync(world);
            world = world with { Api = running = await ApiProcess.StartAsync(options.Api, server.ConnectionString) };
        }

        World.Log($"== {section.Name}");
        measured[section.Name] = Text.JoinLines(await section.Run(world));
        Report.SaveFigures(world);
        Console.WriteLine($"## {section.Title}\n\n{measured[section.Name]}\n");
        if (options.Report is not null)
        {
            await using var version = plain.CreateCommand("SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)");
            Report.Write(
                world,
                (string)(await version.ExecuteScalarAsync())! + (pages is { Reserved: true } ? " in huge pages" : ""),
                measured,
                sections.Select(s => (s.Name, s.Title)));
        }
    }
    catch (Exception failed)
    {
        // Unhandled, it would end this process and leave those that it started.
        Console.Error.WriteLine($"{section.Name} failed: {failed}");
        status = 1;

        // The state of the API is not known.
        ended = true;
    }

    if (ended)
    {
        await EndAsync();
    }
}

return status;

async Task EndAsync()
{
    if (running is not null)
    {
        await running.DisposeAsync();
    }

    if (leadership is not null)
    {
        await leadership.DisposeAsync();
    }

    if (world is not null)
    {
        await StoredSegments.CleanAsync(world);
    }

    (running, leadership, world) = (null, null, null);
}

/// <summary>A part of the report.</summary>
/// <param name="Stored">It is about stored membership.</param>
internal sealed record Section(string Name, string Title, Func<World, Task<string>> Run, bool Stored = false);
