using Segmentation.Api.Experiments;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

internal static class PlaybookSetup
{
    /// <summary>Placements and playbooks: what visitors get, where and when.</summary>
    public static void AddPlaybooks(this IServiceCollection services)
    {
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
}
