using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Playbooks;
using Segmentation.Api.Tests.Experiments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>What was seen is deleted once it is old enough, and not before.</summary>
public sealed class ExposureRetentionTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    [Fact]
    public async Task Delete_WhatIsOlderThanTheSettingsSay_AndNothingElse()
    {
        var start = DateTimeOffset.UtcNow;
        var clock = new FakeTimeProvider(start);
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        var retention = new ExposureRetention(
            database, new ExposureOptions { ImpressionDays = 10, UnitDays = 20 }, clock, NullLogger<ExposureRetention>.Instance);
        var api = fixture.Api;
        var placement = await api.MakePlacementAsync("string");
        var playbook = await api.MakePlaybookAsync($$"""{"key":"a","placement":"{{placement}}","content":"x"}""");
        var (stopped, running) = (
            await api.MakeExperimentAsync(start: true), await api.MakeExperimentAsync(start: true));
        var (unit, other) = ((await api.FindUnitsAsync(stopped, "treated", 1))[0], (await api.FindUnitsAsync(running, "treated", 1))[0]);
        string[] play = [$"play:{placement}/{playbook}@1/a"];
        Assert.Equal((2, 0, 0), await api.SeeAsync(unit, [.. play, $"experiment:{stopped}@1=treated"], customer: "c", id: "1"));
        Assert.Equal((1, 0, 0), await api.SeeAsync(other, [$"experiment:{running}@1=treated"], customer: "c", id: "1"));
        (await api.PostAsync($"experiments/{stopped}/stop", "{}")).Expect(200);
        await DeleteAsync(9, (1, 2, 2, 2));
        await DeleteAsync(10.5, (0, 2, 0, 2));
        await DeleteAsync(19.5, (0, 2, 0, 2));
        await DeleteAsync(20.5, (0, 1, 0, 1));

        async Task DeleteAsync(double days, (long, long, long, long) left)
        {
            clock.SetUtcNow(start.AddDays(days));
            await retention.DeleteAsync(CancellationToken.None);
            Assert.Equal(left, (
                await CountAsync("impressions"), await CountAsync("experiment_units"), await CountAsync("exposure_reports"),
                await CountAsync("visitor_links")));
        }

        Task<long> CountAsync(string table) => fixture.CountAsync($"SELECT count(*) FROM {table}");
    }
}
