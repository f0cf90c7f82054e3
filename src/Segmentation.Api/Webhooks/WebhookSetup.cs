using Segmentation.Api.Streams;

namespace Segmentation.Api.Webhooks;

internal static class WebhookSetup
{
    /// <summary>Webhooks and streams. The dispatcher is started by the process that leads.</summary>
    public static void AddWebhooks(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection("Webhooks").Get<WebhookOptions>() ?? new WebhookOptions());
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<WebhookDispatcher>();
        services.AddSingleton(configuration.GetSection("Streams").Get<StreamOptions>() ?? new StreamOptions());
        services.AddSingleton<MembershipFeed>();
        services.AddHostedService(s => s.GetRequiredService<MembershipFeed>());
    }
}
