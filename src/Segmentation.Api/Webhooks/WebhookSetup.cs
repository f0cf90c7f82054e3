using Segmentation.Api.Memberships;

namespace Segmentation.Api.Webhooks;

internal static class WebhookSetup
{
    /// <summary>Webhooks: an outbox that revisions of membership fill, and a dispatcher that the leading process runs.</summary>
    public static void AddWebhooks(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection("Webhooks").Get<WebhookOptions>() ?? new WebhookOptions());
        services.AddSingleton<WebhookSecrets>();
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<DeliverySlots>();
        services.AddSingleton<WebhookQueue>();
        services.AddSingleton<WebhookRetention>();
        services.AddSingleton<WebhookDispatcher>();
        services.AddSingleton<ILeaderTask>(s => s.GetRequiredService<WebhookDispatcher>());
        services.AddSingleton<IRevisionObserver, WebhookOutbox>();
        services.AddScoped<WebhookStore>();
        services.AddScoped<DeliveryStore>();
    }
}
