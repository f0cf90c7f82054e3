using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Segmentation.Api;

namespace Segmentation.Benchmarks;

/// <summary>The API's own services in this process, without HTTP.</summary>
internal static class InProcess
{
    public static WebApplication Start(string connectionString)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Limits:Keeper:StatementSeconds"] = "300" });
        builder.Logging.ClearProviders();
        builder.AddSegmentation(connectionString);
        return builder.Build();
    }

    public static async Task<TResult> CallAsync<TService, TResult>(this WebApplication app, Func<TService, Task<TResult>> call)
        where TService : notnull
    {
        await using var scope = app.Services.CreateAsyncScope();
        return await call(scope.ServiceProvider.GetRequiredService<TService>());
    }
}
