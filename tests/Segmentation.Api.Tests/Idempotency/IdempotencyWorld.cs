using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests.Idempotency;

/// <summary>Two processes on one database.</summary>
public sealed class IdempotencyWorld : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private readonly List<ApiFixture.Server> servers = [];

    public Api Api => servers[0].Api;

    public Api Other => servers[1].Api;

    public string ConnectionString { get; private set; } = null!;

    internal NpgsqlDataSource Database { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        ConnectionString = await databases.CreateDatabaseAsync();
        servers.AddRange([new ApiFixture.Server(ConnectionString), new ApiFixture.Server(ConnectionString)]);
        Database = NpgsqlDataSource.Create(ConnectionString);
    }

    public async Task DisposeAsync()
    {
        await Database.DisposeAsync();
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }

        await databases.DisposeAsync();
    }

    internal SegmentationDb Context() =>
        new(new DbContextOptionsBuilder<SegmentationDb>().UseNpgsql(Database).ConfigureWarnings(TestDatabase.ManyHosts).Options);
}
