using Segmentation.Models.Statistics;

namespace Segmentation.Models.Feedback;

/// <summary>A model taught by rated texts, and how good it was found on texts that it had not seen.</summary>
/// <param name="Model">Taught by all texts.</param>
/// <param name="Tested">How many texts a model, taught by the older ones alone, was tested on: the newest fifth.</param>
/// <param name="TestedPositive">How many of those were positive.</param>
/// <param name="Auc">How often it gave a positive one of those more than a negative one; null where there were fewer than two of a side.
/// </param>
/// <param name="Accuracy">The share of them that it put on the right side.</param>
/// <param name="BaseAccuracy">The share that always saying what is more frequent puts on the right side.</param>
public sealed record SentimentTraining(
    SentimentModel Model, int Tested, int TestedPositive, Superiority? Auc, double Accuracy, double BaseAccuracy)
{
    /// <summary>Rated texts that are needed.</summary>
    public const int LeastTexts = 1000;

    /// <summary>And of each side.</summary>
    public const int LeastOfSide = 200;

    /// <summary>Rated texts that are read: the newest.</summary>
    public const int MostTexts = 20_000;

    /// <summary>The AUC that a model needs to be used.</summary>
    public const double LeastAuc = 0.75;

    private const int TestedPart = 5;

    /// <summary>Whether it is good enough to be used.</summary>
    public bool HasSkill => Auc is { Value: >= LeastAuc };

    /// <summary>Teaches and tests a model.</summary>
    /// <param name="texts">From the oldest to the newest.</param>
    public static SentimentTraining Run(IReadOnlyList<RatedText> texts)
    {
        RatedText[] older = [.. texts.Take(texts.Count - (texts.Count / TestedPart))], newest = [.. texts.Skip(older.Length)];
        var (tested, _) = SentimentModel.Train(older);
        var scored = newest.Select(t => (t.IsPositive, P: tested.Probability(t.Text) ?? 0.5)).ToList();
        var counts = scored.GroupBy(s => s.P).OrderBy(g => g.Key)
            .Select(g => (Members: (long)g.Count(s => s.IsPositive), Others: (long)g.Count(s => !s.IsPositive))).ToList();
        var positive = scored.Count(s => s.IsPositive);
        return new SentimentTraining(
            SentimentModel.Train(texts).Model,
            newest.Length,
            positive,
            Superiority.Compare(counts),
            (double)scored.Count(s => s.P > 0.5 == s.IsPositive) / Math.Max(1, newest.Length),
            (double)Math.Max(positive, newest.Length - positive) / Math.Max(1, newest.Length));
    }
}
