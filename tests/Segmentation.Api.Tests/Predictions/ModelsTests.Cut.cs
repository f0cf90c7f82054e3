using System.Text.Json;
using Npgsql;

namespace Segmentation.Api.Tests.Predictions;

/// <summary>A fit that is cut short, and what single customers are told of one that was not.</summary>
public sealed partial class ModelsTests
{
    // Whoever waits for a lock on a table.
    private const string Waiting =
        "SELECT pid FROM pg_locks WHERE NOT granted AND relation = @table::regclass AND database = (SELECT oid FROM pg_database "
        + "WHERE datname = current_database())";

    [Theory]
    [InlineData("events", "ACCESS EXCLUSIVE")]
    [InlineData("model_versions", "EXCLUSIVE")]
    public async Task Fit_ThatIsKilled_LeavesWhatIsInForce_AndBeginsAgain(string table, string mode)
    {
        await FitAsync("{}");
        await using var connection = new NpgsqlConnection(fixture.ConnectionString);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(connection, $"LOCK TABLE {table} IN {mode} MODE");
        var id = (await Api.PostAsync($"models/{Key}/fit?wait=0", """{"holdoutDays":60}""")).Expect(202)["id"].GetString();

        // Reading what it is fitted on, or writing the new version: killed there.
        await Wait.UntilAsync(async () => await KillAsync(connection, table) > 0, "the fit waits");
        var model = (await Api.GetAsync($"models/{Key}")).Expect(200);
        Assert.Equal((1, 90), (model["version"].GetInt32(), model["report"].GetProperty("holdoutDays").GetInt32()));
        await transaction.RollbackAsync();
        await Wait.UntilAsync(
            async () => (await Api.GetAsync($"analyses/{id}")).Expect(200)["status"].ValueEquals("succeeded"), "it is fitted after all");
        Assert.Equal(
            [(2, true), (1, false)],
            (await Api.GetAsync($"models/{Key}/versions")).Expect(200)["items"].EnumerateArray()
                .Select(v => (v.GetProperty("version").GetInt32(), v.GetProperty("inForce").GetBoolean())));
    }

    [Fact]
    public async Task Fit_ThatIsDeletedWhileItRuns_Ends_AndLeavesWhatIsInForce()
    {
        await FitAsync("{}");
        await using var connection = new NpgsqlConnection(fixture.ConnectionString);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(connection, "LOCK TABLE events IN ACCESS EXCLUSIVE MODE");
        var id = (await Api.PostAsync($"models/{Key}/fit?wait=0", """{"holdoutDays":60}""")).Expect(202)["id"].GetString();
        await Wait.UntilAsync(
            async () => (await Api.GetAsync($"analyses/{id}"))["status"].ValueEquals("running"), "the fit runs");
        (await Api.DeleteAsync($"analyses/{id}")).Expect(204);
        await transaction.RollbackAsync();
        var again = await FitAsync("""{"holdoutDays":45}""");
        Assert.Equal(2, again.GetProperty("version").GetInt32());
        (await Api.GetAsync($"analyses/{id}")).Expect(404);
        Assert.Equal(2, (await Api.GetAsync($"models/{Key}/versions")).Expect(200)["items"].GetArrayLength());
    }

    [Fact]
    public async Task Predictions_AreTheLibrarysOnTheirInputs_AndTheirsAreTheOrders()
    {
        await FitAsync("{}");
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("customers/buyer-000/predictions")).Expect(200)["version"].ValueKind == JsonValueKind.Number,
            "everybody is scored");
        var parameters = (await Api.GetAsync($"models/{Key}")).Expect(200)["parameters"];
        foreach (var i in new[] { 0, 1, 17, 333, 899 })
        {
            var told = (await Api.GetAsync($"customers/buyer-{i:000}/predictions")).Expect(200);
            var inputs = told["inputs"];
            var day = DateOnly.Parse(told["scoredOn"].GetString()!, System.Globalization.CultureInfo.InvariantCulture);
            var history = Describe(orders[i], day);
            Assert.Equal(history.Repeats, inputs.GetProperty("x").GetInt32());
            Assert.Equal(history.Last, inputs.GetProperty("tx").GetDouble(), 1e-9);
            Assert.Equal(history.Age, inputs.GetProperty("T").GetDouble(), 1e-9);
            var paid = orders[i].Values.Skip(1).Where(a => a > 0).ToList();
            Assert.Equal(paid.Count, inputs.GetProperty("n").GetInt32());
            Assert.Equal(paid.Count == 0 ? 0 : (double)paid.Average(), inputs.GetProperty("m").GetDouble(), 1e-5);

            // By the formulas of another operation, with the same parameters: 30 days are 30/7 weeks.
            var row = $$"""
                {"x":{{inputs.GetProperty("x")}},"tx":{{inputs.GetProperty("tx")}},"T":{{inputs.GetProperty("T")}},"t":{{90.0 / 7:R}},
                "n":{{inputs.GetProperty("n")}},"m":{{inputs.GetProperty("m")}} }
                """;
            var right = (await Api.PostAsync(
                $"models/{Key}/predict", $$"""{"parameters":{{parameters.GetRawText()}},"rows":[{{row}}]}""")).Expect(200)["rows"][0];
            var items = told["items"].EnumerateArray().ToDictionary(p => p.GetProperty("field").GetString()!["predicted.".Length..]);
            Assert.Equal(
                ["aliveProbability", "averageOrderValue", "churnRisk", "lifetimeValue", "orders30", "orders365", "orders90",
                    "valuePercentile"],
                items.Keys.Order(StringComparer.Ordinal));
            Assert.Equal(right.GetProperty("alive").GetDouble(), Value("aliveProbability"), 1e-6);
            Assert.Equal(right.GetProperty("none").GetDouble(), Value("churnRisk"), 1e-6);
            Assert.Equal(right.GetProperty("orders").GetDouble(), Value("orders90"), 1e-6);
            Assert.Equal(right.GetProperty("amount").GetDouble(), Value("averageOrderValue"), 1e-4);
            foreach (var days in new[] { 30, 90, 365 })
            {
                var interval = items[$"orders{days}"].GetProperty("interval");
                Assert.True(interval[0].GetInt32() <= Value($"orders{days}") + 1 && Value($"orders{days}") <= interval[1].GetInt32() + 1);
            }

            Assert.All(items.Values, p => Assert.NotEqual("", p.GetProperty("text").GetString()));
            var shown = (await Api.GetAsync($"customers/buyer-{i:000}")).Expect(200)["predicted"];
            Assert.Equal(Value("lifetimeValue"), shown.GetProperty("lifetimeValue").GetDouble());

            double Value(string name) => items[name].GetProperty("value").GetDouble();
        }

        // Who has no order is told why there is nothing; who is not there, that.
        (await Api.PutAsync("customers/no-order", "{}")).Expect(201);
        var none = (await Api.GetAsync("customers/no-order/predictions")).Expect(200);
        Assert.Empty(none["items"].EnumerateArray());
        Assert.Contains("no order", none["text"].GetString(), StringComparison.Ordinal);
        (await Api.GetAsync("customers/nobody/predictions")).Expect(404);
    }

    private static async Task<int> KillAsync(NpgsqlConnection connection, string table)
    {
        await using var command = new NpgsqlCommand($"SELECT count(pg_terminate_backend(pid))::int FROM ({Waiting}) AS w", connection);
        command.Parameters.AddWithValue("table", table);
        return (int)(await command.ExecuteScalarAsync())!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
