using System.Globalization;
using System.Text.Json;
using Npgsql;

namespace Segmentation.Api.Tests.Predictions;

/// <summary>Of a part of the customers, as of a past day: scores stay as of then, and are held against what came at once.</summary>
public sealed partial class PropensityTests
{
    [Fact]
    public async Task PinnedWithAPopulation_IsScoredAsOfThen_AndHeldAgainstWhatCame()
    {
        await LoadAsync();
        (await Api.PutAsync("segments/most", """
            {"name":"Most","status":"draft",
             "rule":{"combinator":"and","rules":[{"field":"customer.id","operator":"doesNotBeginWith","value":"c-15"}]}}
            """)).Expect(201);
        (await Api.PutAsync(
            "models/buy-again",
            $$"""{"type":"propensity","name":"Buys again","goal":{{Goal}},"withinDays":{{Within}},"population":"most"}""")).Expect(201);
        var day = DateOnly.FromDateTime(now.UtcDateTime).AddDays(-Within - 2);
        var made = (await Api.PostAsync("models/buy-again/fit?wait=60", $$"""{"asOf":"{{day:O}}"}""")).Expect(201);
        Assert.True(made["status"].ValueEquals("succeeded"), made.Body);
        var model = (await Api.GetAsync("models/buy-again")).Expect(200);
        Assert.Equal($"{day:O}", model["pinnedTo"].GetString());
        await Wait.UntilAsync(
            async () => (model = (await Api.GetAsync("models/buy-again")).Expect(200))["live"].ValueKind == JsonValueKind.Object,
            "what was told has been held against what came");
        var live = model["live"];
        Assert.Equal($"{day:O}", live.GetProperty("scoredOn").GetString());
        var (from, until) = (live.GetProperty("from").GetDateTimeOffset(), live.GetProperty("until").GetDateTimeOffset());

        // As of the time of day at which everybody is scored.
        Assert.Equal(
            (new DateTimeOffset(day.ToDateTime(new TimeOnly(3, 0)), TimeSpan.Zero), Within), (from, (until - from).TotalDays));

        // Who was told something: those of the population who were there by then.
        var told = await ReadToldAsync();
        var known = events.Where(e => e.At <= from).Select(e => e.Customer).Distinct()
            .Where(c => !$"c-{c}".StartsWith("c-15", StringComparison.Ordinal)).ToHashSet();
        Assert.Equal(known.Order(), told.Keys.Order());
        var came = told.ToDictionary(
            t => t.Key, t => events.Any(e => e.Customer == t.Key && e.Type == "order_completed" && e.At > from && e.At <= until));
        var goal = live.GetProperty("goal");
        Assert.Equal(
            (told.Count, came.Values.Count(c => c)), (live.GetProperty("customers").GetInt32(), goal.GetProperty("actual").GetInt32()));
        Assert.Equal(told.Values.Sum(), goal.GetProperty("expected").GetDouble(), 1e-6);
        Assert.Equal(
            told.Average(t => Math.Pow(t.Value - (came[t.Key] ? 1 : 0), 2)),
            live.GetProperty("calibration").GetProperty("brier").GetDouble(), 1e-9);
        Assert.DoesNotContain(
            "buy-again", (await Api.GetAsync("customers/c-15")).Expect(200).Body, StringComparison.Ordinal);

        // A model that is gone takes along what was found.
        (await Api.SendAsync("DELETE", "models/buy-again", null)).Expect(204);
        Assert.Equal(0, await CountCopiesAsync());
    }

    private async Task<Dictionary<int, double>> ReadToldAsync()
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand(
            """
            SELECT c.id, (s.propensities ->> 'buy-again')::float8 FROM customer_scores s JOIN customers c ON c.key = s.customer_key
            WHERE s.propensities ? 'buy-again'
            """);
        await using var reader = await command.ExecuteReaderAsync();
        Dictionary<int, double> told = [];
        while (await reader.ReadAsync())
        {
            told.Add(int.Parse(reader.GetString(0)[2..], CultureInfo.InvariantCulture), reader.GetDouble(1));
        }

        return told;
    }

    private async Task<long> CountCopiesAsync()
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand("SELECT count(*) FROM score_copies");
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
