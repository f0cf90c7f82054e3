using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

internal static class SegmentSetup
{
    /// <summary>Segments: their definitions, the catalog of fields, evaluation.</summary>
    public static void AddSegments(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection("Rules").Get<RuleLimits>() ?? new RuleLimits());
        services.AddSingleton<CustomerFields>();
        services.AddSingleton<DefinitionCache>();
        services.AddSingleton<CustomerRowReaders>();
        services.AddScoped<SegmentQuery>();
        services.AddScoped<SegmentStore>();
        services.AddScoped<FieldUsers>();
        services.AddScoped<AttributeStore>();
        services.AddScoped<PurposeStore>();
        services.AddSingleton<BuiltInMetrics>();
        services.AddSingleton<MetricEvents>();
        services.AddScoped<MetricStore>();
        services.AddScoped<ModelType, LifetimeValueType>();
        services.AddScoped<ModelType, PropensityType>();
        services.AddScoped<ModelType, FeedbackType>();
        services.AddScoped<ModelStore>();
        services.AddScoped<ManualMembership>();
        services.AddScoped<CustomerSnapshots>();
        services.AddSingleton<SeenProperties>();
        services.AddSingleton<SeenPurposes>();
        services.AddScoped<FieldDirectory>();
        services.AddScoped<FieldSuggestions>();
        services.AddScoped<EventSuggestions>();
    }
}
