using Segmentation.Benchmarks;

var options = Options.Read(args);
var (server, now) = await Loader.StartAsync(options);
await using var stoppedLast = server;
if (options.LoadOnly)
{
    return 0;
}

(string Name, Func<World, Task<string>> Run)[] sections =
[
    ("rules", RulesSection.RunAsync),
    ("segments", SegmentsSection.RunAsync),
    ("members", MembersSection.RunAsync),
    ("compile", CompileSection.RunAsync),
];
await using var plain = World.PlainSource(server.ConnectionString);
await using var api = await ApiProcess.StartAsync(options.Api, server.ConnectionString);
var world = new World(options, server.ConnectionString, api, plain, () => Task.CompletedTask);
foreach (var (name, run) in sections.Where(s => options.Only.Count == 0 || options.Only.Contains(s.Name)))
{
    World.Log($"== {name}");
    Console.WriteLine(await run(world));
}

return 0;
