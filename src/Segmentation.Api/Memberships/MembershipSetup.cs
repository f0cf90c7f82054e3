using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

internal static class MembershipSetup
{
    /// <summary>Stored membership: one process maintains it, all read it.</summary>
    public static void AddMemberships(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(s =>
        {
            var options = configuration.GetSection("Membership").Get<MembershipOptions>() ?? new MembershipOptions();
            options.BuildLimit = TimeSpan.FromMinutes(s.GetRequiredService<Limits>().BuildMinutes);
            return options;
        });
        services.AddSingleton(s => StoredMembership.Create(s.GetRequiredService<DataSources>(), s.GetRequiredService<Limits>()));
        services.AddScoped<MembershipReader>();
        services.AddScoped<CustomerMembershipReader>();
        services.AddScoped<SegmentStates>();
        services.AddScoped<SegmentReader>();
        services.AddScoped<SegmentOverlap>();
        services.AddScoped<IDefinitionObserver, MembershipInvalidation>();
        services.AddScoped<IEvaluationBacklog, MembershipBacklog>();
        services.AddScoped<IErasureObserver, MembershipErasure>();
        services.AddKeyedSingleton(
            MembershipLeadership.Source,
            (s, _) => MembershipLeadership.CreateSource(s.GetRequiredService<DataSources>()));
        services.AddHostedService<MembershipLeadership>();
    }
}
