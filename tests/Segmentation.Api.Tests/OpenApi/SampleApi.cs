using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Segmentation.Api.Data;
using Segmentation.Local;

namespace Segmentation.Api.Tests;

/// <summary>The API with the sample, as Swagger UI meets it.</summary>
public sealed class SampleApi : WebApplicationFactory<Program>, IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private string connectionString = "";

    public JsonElement Document { get; private set; }

    public string Text { get; private set; } = "";

    /// <summary>All operations of the document.</summary>
    internal IEnumerable<(string Path, string Method, JsonElement Operation)> Operations =>
        from path in Document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select (path.Name, operation.Name, operation.Value);

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
        await using (var scope = Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<SegmentationDb>().Database.MigrateAsync();
            await ActivatorUtilities.CreateInstance<SampleData>(scope.ServiceProvider).LoadAsync();
        }

        Text = await CreateClient().GetStringAsync("/swagger/v1/swagger.json");
        Document = JsonElement.Parse(Text);
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await base.DisposeAsync();
        await databases.DisposeAsync();
    }

    protected override IHost CreateHost(IHostBuilder builder)
    {
        builder.ConfigureHostConfiguration(c => c.AddInMemoryCollection([new("ConnectionStrings:Segmentation", connectionString)]));
        return base.CreateHost(builder);
    }
}
