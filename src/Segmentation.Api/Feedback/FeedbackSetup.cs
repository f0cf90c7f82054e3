namespace Segmentation.Api.Feedback;

internal static class FeedbackSetup
{
    /// <summary>Feedback: what segments' members say.</summary>
    public static void AddFeedback(this IServiceCollection services)
    {
        services.AddScoped<FeedbackReader>();
    }
}
