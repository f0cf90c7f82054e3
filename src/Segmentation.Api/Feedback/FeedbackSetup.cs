using Segmentation.Api.Memberships;
using Segmentation.Api.Predictions;

namespace Segmentation.Api.Feedback;

internal static class FeedbackSetup
{
    /// <summary>Feedback: what segments' members say, and the model that tells how they mean it.</summary>
    public static void AddFeedback(this IServiceCollection services)
    {
        services.AddScoped<FeedbackReader>();
        services.AddScoped<ModelTrainer, FeedbackTrainer>();
        services.AddSingleton<ILeaderTask, SentimentRewriter>();
    }
}
