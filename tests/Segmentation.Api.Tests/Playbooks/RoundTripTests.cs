using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Playbooks;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>How often a decision asks the database: once; never where nothing of the visitor has to be known.</summary>
public sealed class RoundTripTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    [Fact]
    public async Task Decision_AsksOnce_AndNotAtAllWhereNothingOfTheVisitorIsAsked()
    {
        var api = fixture.Api;
        var free = await api.MakePlacementAsync("string");
        var capped = await api.MakePlacementAsync("string");
        const string phone = """{"combinator":"and","rules":[{"field":"context.device","operator":"=","value":"mobile"}]}""";
        const string germans = """{"combinator":"and","rules":[{"field":"geographic.country","operator":"=","value":"DE"}]}""";
        const string buyers = """{"combinator":"and","rules":[{"field":"value.percentile","operator":">=","value":0}]}""";
        await api.MakePlaybookAsync($$"""{"key":"a","placement":"{{free}}","content":"1","when":{{phone}}}""");
        await api.MakePlaybookAsync($$"""{"key":"a","placement":"{{free}}","content":"2"}""", $"\"audience\":{germans}");
        await api.MakePlaybookAsync(
            $$"""{"key":"a","placement":"{{capped}}","content":"3","caps":[{"max":1,"per":"visit"},{"max":9,"per":"ever"}]}""",
            $"\"keep\":\"visit\",\"audience\":{buyers}");
        (await api.PutAsync("customers/c-17", """{"geographic":{"country":"DE"}}""")).Expect(201);
        await using var server = new ApiFixture.Server(fixture.ConnectionString, migrate: false);
        var all = new DecisionRequest
        {
            CustomerId = "c-17",
            Placements = [free, capped],
            Context = new ContextResource { Visit = new VisitResource { Id = "s-1" } },
            Events = [new() { Id = "e-1", Type = "page_viewed" }],
        };
        var anonymous = new DecisionRequest { VisitorId = "v-1", Placements = [free] };

        // The first also reads definitions.
        await CountAsync(server.Services, all);
        Assert.Equal((1, "2 3"), await CountAsync(server.Services, all));
        Assert.Equal((1, "3"), await CountAsync(server.Services, anonymous with { Placements = [capped] }));

        // Once the changes that this process has made are long enough ago.
        await Wait.UntilAsync(
            async () => (await CountAsync(server.Services, anonymous)).Commands == 0, "a decision without a round trip");
    }

    private static async Task<(int Commands, string Contents)> CountAsync(IServiceProvider services, DecisionRequest request)
    {
        using var root = new Activity("decision").Start();
        var commands = 0;
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> options) => ActivitySamplingResult.AllData,
            ActivityStarted = activity =>
            {
                if (activity.TraceId == root.TraceId && !activity.OperationName.StartsWith("CONNECT", StringComparison.OrdinalIgnoreCase))
                {
                    Interlocked.Increment(ref commands);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var scope = services.CreateAsyncScope();
        var question = scope.ServiceProvider.GetRequiredService<QuestionCheck>().Check(request);
        var answer = await scope.ServiceProvider.GetRequiredService<DecisionEngine>().DecideAsync(question, default);
        return (commands, string.Join(' ', answer.Decisions.Select(d => d.Content?.GetString())));
    }
}
