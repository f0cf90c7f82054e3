using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;

namespace Segmentation.Benchmarks;

/// <summary>What making SQL of a rule costs, and whether new literals make new query shapes.</summary>
internal static class CompileSection
{
    private const int Literals = 10_000;

    public static async Task<string> RunAsync(World world)
    {
        await using var app = InProcess.Start(world.ConnectionString);
        var literals = new Random(44);

        var fifty = JsonElement.Parse(RandomRules.Fifty(literals));
        var (firstCompile, firstSql) = await FiftyAsync();
        List<double> compile = [], sql = [];
        for (var i = 0; i < 300; i++)
        {
            fifty = JsonElement.Parse(RandomRules.Fifty(literals));
            var (c, s) = await FiftyAsync();
            if (i >= 100)
            {
                compile.Add(c);
                sql.Add(s);
            }
        }

        // Both ways to a statement; no statement is run.
        Task<(double Compile, double Sql)> FiftyAsync() => app.CallAsync(async (SegmentQuery query) =>
        {
            var all = await query.DefinitionsAsync(default);
            var compiling =
                await Measure.TimeAsync(() => Task.FromResult(all.Compile(fifty, Backend.Sql, historical: false) is { IsValid: true }
                    ? 0
                    : throw new InvalidOperationException("The rule of fifty is not valid.")));
            var whole = await Measure.TimeAsync(
            () => Task.FromResult(query.Members(query.CreatePredicate(all, fifty, "UTC", null)).ToQueryString()));
            return (compiling, whole);
        });

        var counters = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Name == "Microsoft.EntityFrameworkCore"
                    && instrument.Name.Contains("compiled_query_cache", StringComparison.Ordinal))
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, n, _, _) => counters[instrument.Name] = n);
        listener.SetMeasurementEventCallback<double>((instrument, n, _, _) => counters[instrument.Name] = n);
        listener.SetMeasurementEventCallback<int>((instrument, n, _, _) => counters[instrument.Name] = n);
        listener.Start();

        async Task<(double Hits, double Misses)> CompileAsync(int times)
        {
            listener.RecordObservableInstruments();
            var before = new Dictionary<string, double>(counters);
            for (var i = 0; i < times; i++)
            {
                var rule = JsonElement.Parse(RandomRules.Make(i % RandomRules.Shapes, literals));
                await app.CallAsync((SegmentQuery query) =>
                {
                    // Reading the definitions' version is a query of EF Core too, which would only flatter.
                    var all = app.Services.GetService(typeof(DefinitionCache)) is DefinitionCache { Latest: { } latest }
                        ? latest
                        : throw new InvalidOperationException();
                    return Task.FromResult(query.Members(query.CreatePredicate(all, rule, "UTC", null)).ToQueryString().Length);
                });
                if (times == Literals)
                {
                    var misses = Misses();
                    listener.RecordObservableInstruments();
                    if (Misses() > misses)
                    {
                        World.Log($"a new query shape after {i} rules: {rule.GetRawText()}");
                    }
                }
            }

            listener.RecordObservableInstruments();
            double Moved(string end) => counters.Single(c => c.Key.EndsWith(end, StringComparison.Ordinal)).Value
                - before.Single(c => c.Key.EndsWith(end, StringComparison.Ordinal)).Value;
            return (Moved("cache_hits"), Moved("cache_misses"));
        }

        double Misses() => counters.Single(c => c.Key.EndsWith("cache_misses", StringComparison.Ordinal)).Value;

        var shapes = await CompileAsync(RandomRules.Shapes);
        var repeated = await CompileAsync(Literals);
        var (compiled, stated) = (new Times(compile), new Times(sql));
        World.Log($"compile {compiled}, first {Text.Ms(firstCompile)}; SQL {stated}, first {Text.Ms(firstSql)}; hits {repeated.Hits}, "
            + $"misses {repeated.Misses} after {shapes.Misses} of the shapes");
        return $"""
            A rule of 50 leaves (all six kinds, ten groups of five), new literals each time, in process.

            | step | first, ms | then: median (middle half), ms |
            | --- | --: | --: |
            | check and compile to a predicate (aim < 2 ms) | {Text.Ms(firstCompile)} | {compiled} |
            | all of it: compile, bind to the clock, find in EF Core's cache, SQL text with its parameters | {Text.Ms(firstSql)} | \
            {stated} |

            EF Core's query cache: {RandomRules.Shapes} rules, one of each shape: {shapes.Misses:0} misses, {shapes.Hits:0} hits. Then \
            {Text.Number(Literals)} rules of the same shapes with other literals: {repeated.Misses:0} misses, {Text.Number(repeated.Hits)} \
            hits: {100 * repeated.Hits / (repeated.Hits + repeated.Misses):0.000} % (aim 99.9 %). Two things are taken for part of a \
            shape, since a value chooses between two statements there: `true` or `false` of a boolean, and whether a circle lies across \
            the date line (before that was so, 24 of 10,000 were misses, all of these two).
            """;
    }
}
