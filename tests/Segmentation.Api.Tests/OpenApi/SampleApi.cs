using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Local;

namespace Segmentation.Api.Tests;

/// <summary>The API with the sample, as Swagger UI meets it.</summary>
public sealed class SampleApi : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private string loaded = "";
    private SampleHost? host;

    public JsonElement Document { get; private set; }

    public string Text { get; private set; } = "";

    /// <summary>All operations of the document.</summary>
    internal IEnumerable<(string Path, string Method, JsonElement Operation)> Operations =>
        from path in Document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select (path.Name, operation.Name, operation.Value);

    public HttpClient CreateClient() => host!.CreateClient();

    /// <summary>The API on a copy of the sample of its own, which the caller disposes.</summary>
    public async Task<SampleHost> StartFreshAsync() => new(await databases.CreateDatabaseAsync(loaded));

    /// <summary>A copy of the sample, for APIs one after the other.</summary>
    public Task<string> CopyAsync() => databases.CreateDatabaseAsync(loaded);

    /// <summary>The same, with other customers and settings.</summary>
    /// <param name="change">A statement that the copy is changed by.</param>
    public async Task<SampleHost> StartChangedAsync(string change, params (string Key, string Value)[] settings)
    {
        var copy = await CopyAsync();
        await using (var source = NpgsqlDataSource.Create(copy))
        {
            await using var command = source.CreateCommand(change);
            await command.ExecuteNonQueryAsync();
        }

        return new SampleHost(copy, settings);
    }

    /// <summary>The same, with the API key that examples name: clients send it.</summary>
    public async Task<SampleHost> StartClosedAsync()
    {
        var fresh = await StartFreshAsync();
        await using var scope = fresh.Services.CreateAsyncScope();
        fresh.Key = await AccessKeys.AddAsync(scope.ServiceProvider, SwaggerExamples.ApiKey, [.. Scopes.OfKeys]);
        await AccessKeys.AddAsync(scope.ServiceProvider, SwaggerExamples.OwnApiKey, [Scopes.SegmentsRead]);
        return fresh;
    }

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        loaded = await databases.CreateDatabaseAsync();
        await using (var loader = new SampleHost(loaded))
        await using (var scope = loader.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<SegmentationDb>().Database.MigrateAsync();
            await ActivatorUtilities.CreateInstance<SampleData>(scope.ServiceProvider).LoadAsync();
        }

        host = await StartFreshAsync();
        Text = await CreateClient().GetStringAsync("/swagger/v1/swagger.json");
        Document = JsonElement.Parse(Text);
    }

    public async Task DisposeAsync()
    {
        await host!.DisposeAsync();
        await databases.DisposeAsync();
    }
}

/// <summary>The API on a database.</summary>
public sealed class SampleHost(string connectionString, params (string Key, string Value)[] settings) : WebApplicationFactory<Program>
{
    /// <summary>What clients send; null for nothing.</summary>
    public string? Key { get; set; }

    protected override void ConfigureClient(HttpClient client)
    {
        base.ConfigureClient(client);
        client.DefaultRequestHeaders.Authorization = Key is null ? null : new("Bearer", Key);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder) => builder.UseFastSenders();

    protected override IHost CreateHost(IHostBuilder builder)
    {
        var given = settings.Append(("ConnectionStrings:Segmentation", connectionString));
        builder.ConfigureHostConfiguration(c =>
            c.AddInMemoryCollection(given.Select(s => KeyValuePair.Create(s.Item1, (string?)s.Item2))));
        return base.CreateHost(builder);
    }
}
