using System.Text;
using System.Text.Json;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>Decisions against reading the same customer's segments; the same by OpenFeature's protocol; and what definitions hold in
/// memory.</summary>
internal static class DecisionSection
{
    private const string Name = "bench-decide";
    private const int Placements = 20, Playbooks = 100, Plays = 5, MorePlaybooks = 100, Experiments = 100;

    // Rounds until the code is compiled as it is on a server that has run for a while.
    private const int WarmUp = 300;

    public static async Task<string> RunAsync(World world)
    {
        await CleanAsync(world);
        var (requests, literals) = (Math.Max(world.Options.Repeat * 40, 100), new Random(42));
        await world.Api.GetAsync($"customers/{SampleGenerator.Id(0)}/segments?live=true");
        for (var i = 0; i < Placements; i++)
        {
            await PutAsync(world, $"placements/{Key(i)}", """{"type":"object","fallback":{"headline":"Stay a while"}}""");
        }

        for (var i = 0; i < Playbooks; i++)
        {
            await world.Api.PutSegmentAsync(Key(i), RandomRules.Make(i % RandomRules.Shapes, literals));
            await PutAsync(world, $"playbooks/{Key(i)}", Playbook(i, Key(i), experiment: null));
        }

        List<double>[] times = [[], [], [], [], [], [], [], [], []];
        var random = new Random(43);
        for (var n = -WarmUp; n < requests; n++)
        {
            var ways = Ways(world, SampleGenerator.Id(random.Next(world.Options.Customers)));
            foreach (var way in Enumerable.Range(0, ways.Length).Select(i => n % 2 == 0 ? i : ways.Length - 1 - i))
            {
                var ms = await Measure.TimeAsync(ways[way]);
                if (n >= 0)
                {
                    times[way].Add(ms);
                }
            }
        }

        var memory = await MeasureMemoryAsync(world);
        await CleanAsync(world);
        var t = times.Select(x => new Times(x)).ToArray();
        World.Log(
            $"segments {t[0]}, decision {t[1]}, live {t[2]}, events {t[3]}, anonymous {t[4]}, bulk {t[5]}; one {t[6]}, flag {t[7]} ms");
        return $"""
            {Placements} placements, {Playbooks} active playbooks of {Plays} plays, each for a segment of its own, of \
            {RandomRules.Shapes} shapes. {requests} customers drawn evenly; a round asks each way in turn.

            | way | p50, ms | p99, ms | against | p50 | p99 |
            | --- | --: | --: | --- | --: | --: |
            | `GET /customers/ID/segments` | {Text.Ms(t[0].Median)} | {Text.Ms(t[0].At(0.99))} | | | |
            {Row("`POST /decisions`, all placements, a stored customer", t[1], t[0], "that", "1.25", "1.5")}
            | `GET /customers/ID/segments?live=true` | {Text.Ms(t[2].Median)} | {Text.Ms(t[2].At(0.99))} | | | |
            {Row("the decision with 10 events of the visit", t[3], t[2], "that", "1.3")}
            {Row("of a visitor, nothing asked of the database", t[4], t[0], "the customer's segments", "0.5")}
            {Row("OFREP, bulk", t[5], t[1], "the same decision", "1.1")}
            | `POST /decisions`, one placement | {Text.Ms(t[6].Median)} | {Text.Ms(t[6].At(0.99))} | | | |
            {Row("OFREP, that flag alone, not recorded", t[7], t[6], "that", "1.0")}

            A request of which nothing is asked (`/health/live`) takes {Text.Ms(t[8].Median)} ms.

            {memory}
            """;
    }

    private static string Row(string way, Times ours, Times theirs, string what, string aim, string? late = null) =>
        $"| {way} | {Text.Ms(ours.Median)} | {Text.Ms(ours.At(0.99))} | {what} | {Text.Ratio(ours.Median / theirs.Median)} (aim {aim}) "
        + $"| {Text.Ratio(ours.At(0.99) / theirs.At(0.99))}{(late is null ? "" : $" (aim {late})")} |";

    private static Func<Task>[] Ways(World world, string id)
    {
        var placements = JsonSerializer.Serialize(Enumerable.Range(0, Placements).Select(Key));
        var events = string.Join(',', Enumerable.Range(0, 10).Select(i => $"{{\"id\":\"{Name}-{i}\",\"type\":\"page_viewed\"}}"));
        const string flags = "/ofrep/v1/evaluate/flags", context = "\"device\":\"mobile\",\"country\":\"DE\",\"page\":\"/shoes\"";
        return
        [
            () => world.Api.GetAsync($"customers/{id}/segments"),
            Post("decisions", $"{{\"customerId\":\"{id}\",\"placements\":{placements},\"context\":{{{context}}}}}"),
            () => world.Api.GetAsync($"customers/{id}/segments?live=true"),
            Post("decisions", $"{{\"customerId\":\"{id}\",\"placements\":{placements},\"context\":{{{context}}},\"events\":[{events}]}}"),
            Post("decisions", $"{{\"visitorId\":\"{id}\",\"placements\":{placements},\"context\":{{{context}}}}}"),
            Post(flags, $"{{\"context\":{{\"targetingKey\":\"{id}\",\"placements\":{placements},{context}}}}}"),
            Post("decisions", $"{{\"customerId\":\"{id}\",\"placements\":[\"{Key(0)}\"],\"context\":{{{context}}}}}"),
            Post($"{flags}/{Key(0)}", $"{{\"context\":{{\"targetingKey\":\"{id}\",\"record\":false,{context}}}}}"),
            () => world.Api.GetAsync("/health/live"),
        ];

        Func<Task> Post(string path, string body) => async () =>
        {
            using var content = ApiProcess.Json(body);
            await world.Api.PostAsync(path, content);
        };
    }

    // Twice the playbooks, each of the new ones with an experiment that runs.
    private static async Task<string> MeasureMemoryAsync(World world)
    {
        var before = world.Api.Resident();
        for (var i = 0; i < Experiments; i++)
        {
            await PutAsync(world, $"experiments/{Key(i)}", """{"variants":[{"key":"control"},{"key":"treated"}]}""");
            using var start = ApiProcess.Json("{}");
            await world.Api.PostAsync($"experiments/{Key(i)}/start", start);
        }

        for (var i = 0; i < MorePlaybooks; i++)
        {
            await PutAsync(world, $"playbooks/{Key(Playbooks + i)}", Playbook(i, Key(i), Key(i)));
        }

        for (var i = 0; i < 100; i++)
        {
            using var content = ApiProcess.Json($"{{\"customerId\":\"{SampleGenerator.Id(i)}\"}}");
            await world.Api.PostAsync("decisions", content);
        }

        var more = world.Api.Resident() - before;
        return $"With {MorePlaybooks} playbooks more, which makes {Text.Number((Playbooks + MorePlaybooks) * Plays)} plays, and "
            + $"{Experiments} running experiments, the API had {Text.Number(more)} MB more (aim 40), the saving of them included.";
    }

    private static string Playbook(int number, string segment, string? experiment)
    {
        var plays = new StringBuilder();
        for (var i = 0; i < Plays; i++)
        {
            var device = i % 2 == 0 ? "mobile" : "desktop";
            var shown = experiment is null || i > 0 ? $"\"content\":{{\"headline\":\"{number} {i}\"}}"
                : $"\"experiment\":\"{experiment}\",\"contents\":{{\"control\":null,\"treated\":{{\"headline\":\"new\"}}}}";
            plays.Append(i == 0 ? "" : ",").Append(
                $"{{\"key\":\"p{i}\",\"placement\":\"{Key(((number * Plays) + i) % Placements)}\",{shown},"
                + "\"when\":{\"combinator\":\"and\","
                + $"\"rules\":[{{\"field\":\"context.device\",\"operator\":\"=\",\"value\":\"{device}\"}}]}}}}");
        }

        return $"{{\"status\":\"active\",\"audience\":{{\"combinator\":\"and\",\"rules\":[{{\"field\":\"segment\",\"operator\":\"in\","
            + $"\"value\":[\"{segment}\"]}}]}},\"plays\":[{plays}]}}";
    }

    private static string Key(int number) => $"{Name}-{number:000}";

    private static async Task PutAsync(World world, string path, string body)
    {
        using var content = ApiProcess.Json(body);
        using var answer = await world.Api.Http.PutAsync(new Uri(path, UriKind.Relative), content);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{path}: {await answer.Content.ReadAsStringAsync()}");
        }
    }

    private static Task CleanAsync(World world) => world.ExecuteAsync(
        $"""
        DELETE FROM playbooks WHERE key LIKE '{Name}-%';
        DELETE FROM placements WHERE key LIKE '{Name}-%';
        DELETE FROM experiments WHERE key LIKE '{Name}-%';
        DELETE FROM segments WHERE key LIKE '{Name}-%'
        """);
}
