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
    new("import", "Customer import", ImportSection.RunAsync),
    new("compile", "Compiling rules", CompileSection.RunAsync),
    new("build", "Kept membership: building it", BuildSection.RunAsync, Keeps: true),
    new("change", "Kept membership: customers that change", ChangeSection.RunAsync, Keeps: true),
    new("stored", "Kept membership: a customer's segments", StoredSection.RunAsync, Keeps: true),
    new("overlap", "Kept membership: overlap", OverlapSection.RunAsync, Keeps: true),
    new("live", "Kept membership: live, while events come in", LiveSection.RunAsync, Keeps: true),
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
Section[] asked = options.Only.Count == 0 ? sections : [.. options.Only.Select(o => sections.Single(s => s.Name == o))];
World? world = null;
IAsyncDisposable? nobody = null;
for (var i = 0; i < asked.Length; i++)
{
    var section = asked[i];
    var ended = !section.Keeps || i == asked.Length - 1 || !asked[i + 1].Keeps;
    try
    {
        // A process of its own each: none starts with the memory or the caches that another left. Those about kept membership follow each other in one, since what is built
        // for one is asked by the next. Beside the others nobody keeps it: they measure evaluation.
        if (world is null)
        {
            world = new World(options, server.ConnectionString, null!, plain);
            await KeptSegments.CleanAsync(world);
            nobody = section.Keeps ? null : await KeptSegments.NobodyKeepsAsync(world);
            world = world with { Api = running = await ApiProcess.StartAsync(options.Api, server.ConnectionString) };
        }

        World.Log($"== {section.Name}");
        measured[section.Name] = await section.Run(world);
        Report.Keep(world);
        Console.WriteLine($"## {section.Title}\n\n{measured[section.Name]}\n");
        if (options.Report is not null)
        {
            await using var version = plain.CreateCommand("SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)");
            Report.Write(world, (string)(await version.ExecuteScalarAsync())! + (pages is { Are: true } ? " in huge pages" : ""), measured, sections.Select(s => (s.Name, s.Title)));
        }
    }
    catch (Exception failed)
    {
        // Unhandled, it would end this process before those that it started.
        Console.Error.WriteLine($"{section.Name} failed: {failed}");
        status = 1;

        // Nobody knows what state the API is in.
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

    if (nobody is not null)
    {
        await nobody.DisposeAsync();
    }

    if (world is not null)
    {
        await KeptSegments.CleanAsync(world);
    }

    (running, nobody, world) = (null, null, null);
}

/// <summary>A part of the report.</summary>
/// <param name="Keeps">It is about kept membership.</param>
internal sealed record Section(string Name, string Title, Func<World, Task<string>> Run, bool Keeps = false);
