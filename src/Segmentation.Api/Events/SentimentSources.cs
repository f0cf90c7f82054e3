namespace Segmentation.Api.Events;

/// <summary>What a sentiment is from.</summary>
public static class SentimentSources
{
    /// <summary>A score on its scale.</summary>
    public const string Score = "score";

    /// <summary>A text, by the model that rated texts have taught.</summary>
    public const string Model = "model";

    /// <summary>A text in English, by a list of words.</summary>
    public const string Words = "words";

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<string> All = [Score, Model, Words];
}
