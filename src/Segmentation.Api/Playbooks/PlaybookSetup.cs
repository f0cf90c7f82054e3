using Segmentation.Api.Experiments;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

internal static class PlaybookSetup
{
    /// <summary>Placements and playbooks: what visitors get, where and when.</summary>
    public static void AddPlaybooks(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(ReadExposureOptions(configuration));
        services.AddScoped<ExposureStore>();
        services.AddScoped<ExposureIngest>();
        services.AddSingleton<ExposureRetention>();
        services.AddSingleton<ILeaderTask>(s => s.GetRequiredService<ExposureRetention>());
        services.AddScoped<PlaybookReporter>();
        services.AddSingleton<PlaybookCache>();
        services.AddScoped<PlacementStore>();
        services.AddScoped<PlaybookStore>();
        services.AddScoped<PlaybookPreviewer>();
        services.AddScoped<QuestionCheck>();
        services.AddScoped<VisitorReader>();
        services.AddScoped<DecisionEngine>();
        services.AddHostedService<PlaybookWatch>();
        services.AddScoped<PlaybookReferences>();
        services.AddScoped<IExperimentUser>(s => s.GetRequiredService<PlaybookReferences>());
        services.AddScoped<IDefinitionUser>(s => s.GetRequiredService<PlaybookReferences>());
    }

    private static ExposureOptions ReadExposureOptions(IConfiguration configuration)
    {
        var options = configuration.GetSection("Playbooks").Get<ExposureOptions>() ?? new ExposureOptions();
        options.ClickTypes = TextList.Read(configuration, "Playbooks:ClickTypes") ?? new ExposureOptions().ClickTypes;
        options.UnitDays = configuration.GetValue("Experiments:UnitDays", options.UnitDays);
        return options;
    }
}
