using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Access;
using Segmentation.Api.Audit;

namespace Segmentation.Api.Tests.Audit;

/// <summary>What the log does by itself: says its head elsewhere, and who was not let in.</summary>
public sealed class AuditServicesTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    [Fact]
    public async Task Anchor_EachHour_AppendsTheHeadToItsFile()
    {
        var file = Path.GetTempFileName();
        var clock = new FakeTimeProvider();
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        using var anchor = new AuditAnchor(
            database, new AuditOptions { AnchorFile = file }, clock, NullLogger<AuditAnchor>.Instance);
        await anchor.StartAsync(CancellationToken.None);
        await Wait.UntilAsync(
            async () =>
            {
                clock.Advance(TimeSpan.FromHours(1)); // It may not have begun to wait yet.
                return (await File.ReadAllLinesAsync(file)).Length >= 2;
            },
            "two heads");

        await anchor.StopAsync(CancellationToken.None);
        var kept = (await File.ReadAllLinesAsync(file))[^1];
        Assert.Equal((await fixture.Api.GetAsync("audit/head")).Expect(200).Body, kept);
        Assert.True((await fixture.Api.PostAsync("audit/verify", $$"""{"head":{{kept}}}""")).Expect(200)["headSeen"].GetBoolean());
        File.Delete(file);
    }

    [Fact]
    public async Task Refused_OfAMinute_AreOneEntryAnAddress_WithoutTheAddress()
    {
        await using var databases = new TestDatabase();
        await databases.InitializeAsync();
        var connection = await databases.CreateDatabaseAsync();
        await using (var server = new ApiFixture.Server(connection))
        {
            await using var scope = server.Services.CreateAsyncScope();
            await AccessKeys.AddAsync(scope.ServiceProvider, "AuditRefused", [Scopes.Admin]);
            for (var i = 0; i < 3; i++)
            {
                (await server.Api.GetAsync("segments", ("Authorization", "Bearer seg_no"))).Expect(401);
            }
        }

        await using var database = NpgsqlDataSource.Create(connection);
        await using var command = database.CreateCommand("SELECT entry FROM audit WHERE action = 'access.refuse'");
        var entry = JsonSerializer.Deserialize<JsonElement>((string)(await command.ExecuteScalarAsync())!);
        Assert.Equal(3, entry.GetProperty("after").GetProperty("count").GetInt32());
        Assert.StartsWith("addresses/hmac:", entry.GetProperty("resource").GetString(), StringComparison.Ordinal);
    }
}
