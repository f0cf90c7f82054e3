namespace Segmentation.Api.Streams;

internal static class StreamSetup
{
    /// <summary>Streams of who joins and leaves.</summary>
    public static void AddStreams(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection("Streams").Get<StreamOptions>() ?? new StreamOptions());
        services.AddSingleton<MembershipFeed>();
        services.AddSingleton<ChangeStreams>();
        services.AddHostedService(s => s.GetRequiredService<MembershipFeed>());
    }
}
