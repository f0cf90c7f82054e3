using System.Runtime.InteropServices;
using Segmentation.Benchmarks;

(string Name, string Title, Func<World, Task<string>> Run)[] sections =
[
    ("rules", "Frozen rules against SQL by hand", RulesSection.RunAsync),
    ("segments", "A customer's segments", SegmentsSection.RunAsync),
    ("members", "Members, early and late pages", MembersSection.RunAsync),
    ("ingest", "Event ingest", IngestSection.RunAsync),
    ("import", "Customer import", ImportSection.RunAsync),
    ("compile", "Compiling rules", CompileSection.RunAsync),
];

var options = Options.Read(args);
if (options.Only.Except(sections.Select(s => s.Name)).FirstOrDefault() is { } unknown)
{
    throw new ArgumentException($"{unknown} is none of {string.Join(", ", sections.Select(s => s.Name))}.");
}

if (options.Kill > 0)
{
    return await KillTest.RunAsync(options);
}

await using var server = await Loader.StartAsync(options);

// A kill must not leave the API and PostgreSQL behind.
ApiProcess? running = null;
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
void Stop(PosixSignalContext signal)
{
    running?.DisposeAsync().AsTask().Wait();
    server.DisposeAsync().AsTask().Wait();
    Environment.Exit(130);
}

if (options.LoadOnly)
{
    return 0;
}

await using var plain = World.PlainSource(server.ConnectionString);
var status = 0;
var measured = new Dictionary<string, string>();
foreach (var (name, title, run) in options.Only.Count == 0 ? sections : [.. options.Only.Select(o => sections.Single(s => s.Name == o))])
{
    // A process of its own each: none starts with the memory or the caches that another left.
    await using var api = await ApiProcess.StartAsync(options.Api, server.ConnectionString);
    running = api;
    var world = new World(options, server.ConnectionString, api, plain);
    World.Log($"== {name}");
    try
    {
        measured[name] = await run(world);
    }
    catch (Exception failed)
    {
        // Unhandled, it would end this process before those that it started.
        Console.Error.WriteLine($"{name} failed: {failed}");
        status = 1;
        continue;
    }

    Console.WriteLine($"## {title}\n\n{measured[name]}\n");
    if (options.Report is not null)
    {
        await using var version = plain.CreateCommand("SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)");
        Report.Write(world, (string)(await version.ExecuteScalarAsync())!, measured, sections.Select(s => (s.Name, s.Title)));
    }
}

return status;
