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

await using var server = await Loader.StartAsync(options);
if (options.LoadOnly)
{
    return 0;
}

await using var plain = World.PlainSource(server.ConnectionString);
var measured = new Dictionary<string, string>();
foreach (var (name, title, run) in sections.Where(s => options.Only.Count == 0 || options.Only.Contains(s.Name)))
{
    // A process of its own each: none starts with the memory or the caches that another left.
    await using var api = await ApiProcess.StartAsync(options.Api, server.ConnectionString);
    var world = new World(options, server.ConnectionString, api, plain);
    World.Log($"== {name}");
    measured[name] = await run(world);
    Console.WriteLine($"## {title}\n\n{measured[name]}\n");
    if (options.Report is not null)
    {
        await using var version = plain.CreateCommand("SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)");
        Report.Write(world, (string)(await version.ExecuteScalarAsync())!, measured, sections.Select(s => (s.Name, s.Title)));
    }
}

return 0;
