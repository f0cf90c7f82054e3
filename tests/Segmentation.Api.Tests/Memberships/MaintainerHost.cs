using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>A host without a maintainer of its own: the test creates one.</summary>
internal sealed class MaintainerHost(string connectionString, FakeTimeProvider clock) : WebApplicationFactory<Program>
{
    /// <summary>Migrates the database, and makes the test its first leader.</summary>
    public static async Task<MaintainerHost> CreateAsync(string connectionString, FakeTimeProvider clock)
    {
        var host = new MaintainerHost(connectionString, clock);
        await using var scope = host.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        await db.Database.MigrateAsync();
        await db.Database.ExecuteSqlAsync($"UPDATE membership_leader SET epoch = 1");
        return host;
    }

    /// <summary>Ticks until nothing is left to do.</summary>
    public static async Task SettleAsync(MembershipMaintainer maintainer)
    {
        while (await maintainer.TickAsync(default) || !maintainer.IsSettled)
        {
            await Task.Delay(1);
        }
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Testing");
        builder.UseSetting("ConnectionStrings:Segmentation", connectionString);
        builder.ConfigureServices(s =>
        {
            s.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock));

            // The test ticks in its place.
            s.Remove(s.Single(d => d.ServiceType == typeof(IHostedService) && d.ImplementationType == typeof(MembershipLeadership)));
        });
    }
}
