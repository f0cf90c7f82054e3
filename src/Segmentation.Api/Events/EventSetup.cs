using Segmentation.Api.Http;

namespace Segmentation.Api.Events;

internal static class EventSetup
{
    /// <summary>Events: how they are checked and stored, and which of them are orders.</summary>
    public static void AddEvents(this IServiceCollection services, IConfiguration configuration)
    {
        var revenue = new RevenueOptions();
        revenue.OrderTypes = TextList.Read(configuration, "Revenue:OrderTypes") ?? revenue.OrderTypes;
        revenue.RefundTypes = TextList.Read(configuration, "Revenue:RefundTypes") ?? revenue.RefundTypes;
        services.AddSingleton(revenue);
        services.AddSingleton(ReadFeedback(configuration));
        services.AddSingleton(configuration.GetSection(RetentionOptions.Section).Get<RetentionOptions>() ?? new RetentionOptions());
        services.AddSingleton<EventHorizon>();
        services.AddSingleton<EventHorizonWatch>();
        services.AddHostedService(s => s.GetRequiredService<EventHorizonWatch>());
        services.AddSingleton<SentimentModels>();
        services.AddSingleton<Sentiments>();
        services.AddSingleton<IngestThrottle>();
        services.AddScoped<EventStore>();
        services.AddScoped<EventIngest>();
    }

    private static FeedbackOptions ReadFeedback(IConfiguration configuration)
    {
        const string section = "Feedback";
        var feedback = new FeedbackOptions();
        feedback.EventTypes = TextList.Read(configuration, $"{section}:EventTypes") ?? feedback.EventTypes;
        feedback.TextProperty = configuration[$"{section}:TextProperty"] ?? feedback.TextProperty;
        feedback.NpsProperty = configuration[$"{section}:NpsProperty"] ?? feedback.NpsProperty;
        feedback.CsatProperty = configuration[$"{section}:CsatProperty"] ?? feedback.CsatProperty;
        feedback.Scales = TextList.Read(configuration, $"{section}:Scales") is { } scales
            ? [.. scales.Select(FeedbackScale.Parse)]
            : feedback.Scales;
        return feedback;
    }
}
