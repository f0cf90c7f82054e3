using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;
using Segmentation.Models.Feedback;

namespace Segmentation.Api.Feedback;

/// <summary>Fits the model of texts to those that customers have rated: with a score above or below the middle of its scale.</summary>
internal sealed class FeedbackTrainer(SegmentationDb db, FeedbackOptions feedback, Sentiments sentiments, PredictionOptions options)
    : ModelTrainer
{
    public override string Type => FeedbackType.TypeName;

    public override async Task<ModelFit> FitAsync(FitTask task, AnalysisRun run, CancellationToken cancellation)
    {
        if (task.HoldoutDays is not null)
        {
            run.Warn("holdout-days", "holdoutDays is not read: the model is tested on the newest fifth of the texts.");
        }

        var texts = await ReadAsync(options.FindEnd(task.AsOf), cancellation);
        run.Report(0.2);
        var positive = texts.Count(t => t.Rated.IsPositive);
        CheckEnough(texts.Count, positive, texts.Count - positive);
        var training = SentimentTraining.Run([.. texts.Select(t => t.Rated)]);
        cancellation.ThrowIfCancellationRequested();
        if (training.Auc is not { } auc)
        {
            throw TooFew(
                "The newest fifth of the texts, which the model is tested on, has texts of one side alone.",
                ("positiveTextsTested", 2, training.TestedPositive), ("negativeTextsTested", 2, training.Tested - training.TestedPositive));
        }

        if (!training.HasSkill)
        {
            throw AnalysisFailure.NoSkill(FormattableString.Invariant(
                $"Taught by the older texts, it told positive from negative ones of the newest fifth with an AUC of {auc.Value:0.000}; ")
                + FormattableString.Invariant($"{SentimentTraining.LeastAuc} is needed. What was in force before stays."));
        }

        run.Warn("crowds", FormattableString.Invariant(
            $"It sorts crowds, not single customers: {training.Accuracy:0%} of the texts in its test were put on the right side, ")
            + FormattableString.Invariant($"{training.BaseAccuracy:0%} by always saying the more frequent one."));
        return new ModelFit(
            ToNode(new FeedbackData(
                options.FindDay(texts[0].At), options.FindDay(texts[^1].At), texts.Select(t => t.Customer).Distinct().Count(), texts.Count,
                positive, texts.Count - positive)),
            ToNode(new FeedbackParameters(SentimentModel.Places, training.Model.Constant)),
            ToNode(new FeedbackFitReport(
                texts[^training.Tested].At, texts[^1].At, training.Tested, training.TestedPositive,
                training.Tested - training.TestedPositive, auc.Value, [auc.Interval.Low, auc.Interval.High], training.Accuracy,
                training.BaseAccuracy)),
            training.Model.ToBytes());
    }

    private static JsonNode ToNode<T>(T value) => JsonSerializer.SerializeToNode(value, Json.Options)!;

    private static AnalysisFailure TooFew(string title, params (string Name, decimal Needed, decimal Found)[] counts) =>
        AnalysisFailure.TooFewData(
            title, counts.ToDictionary(c => c.Name, c => c.Needed), counts.ToDictionary(c => c.Name, c => c.Found));

    private static void CheckEnough(int texts, int positive, int negative)
    {
        if (texts < SentimentTraining.LeastTexts || Math.Min(positive, negative) < SentimentTraining.LeastOfSide)
        {
            throw TooFew(
                "There are too few rated texts: feedback with a text and with a score above or below the middle of its scale.",
                ("ratedTexts", SentimentTraining.LeastTexts, texts), ("positiveTexts", SentimentTraining.LeastOfSide, positive),
                ("negativeTexts", SentimentTraining.LeastOfSide, negative));
        }
    }

    // The newest, from the oldest to the newest: in an order that does not depend on the database.
    private async Task<List<ReadText>> ReadAsync(DateTimeOffset end, CancellationToken cancellation)
    {
        var (types, path) = (feedback.EventTypes, FeedbackOptions.Path(feedback.TextProperty));
        var rows = db.Events.FromSql(
            $"""
            SELECT e.* FROM events e JOIN customers c ON c.key = e.customer_key
            WHERE e.type = ANY ({types}) AND e.sentiment_source = {SentimentSources.Score} AND e.sentiment <> 0 AND e.occurred_at < {end}
                AND seg_json_text(e.properties, {path}) IS NOT NULL AND c.restricted_at IS NULL
            ORDER BY e.occurred_at DESC, c.id DESC, e.id DESC LIMIT {SentimentTraining.MostTexts}
            """).AsNoTracking().AsAsyncEnumerable();
        List<ReadText> texts = [];
        await foreach (var e in rows.WithCancellation(cancellation))
        {
            var text = sentiments.FindText(e)!;
            text = text.Length > FeedbackWords.MaxCharacters ? text[..FeedbackWords.MaxCharacters] : text;
            if (FeedbackWords.Read(text).Count > 0)
            {
                texts.Add(new ReadText(new RatedText(text, e.Sentiment > 0), e.OccurredAt, e.CustomerKey));
            }
        }

        texts.Reverse();
        return texts;
    }

    private readonly record struct ReadText(RatedText Rated, DateTimeOffset At, long Customer);
}

/// <summary>What the model of texts was taught by.</summary>
/// <param name="From">The day of the oldest text.</param>
/// <param name="To">That of the newest one.</param>
/// <param name="Customers">How many customers wrote them.</param>
/// <param name="Texts">How many texts with a score there are: the newest 20,000 at most.</param>
/// <param name="Positive">Those with a score above the middle.</param>
/// <param name="Negative">Those below it.</param>
internal sealed record FeedbackData(DateOnly From, DateOnly To, int Customers, int Texts, int Positive, int Negative);

/// <summary>Of the model of texts, what can be shown.</summary>
/// <param name="Places">How many weights there are: words, pairs of words and letters in threes share them by a hash.</param>
/// <param name="Constant">The logarithm of the odds of a text without any of them.</param>
internal sealed record FeedbackParameters(int Places, double Constant);

/// <summary>The model of texts, taught by the older ones, held against the newest fifth.</summary>
/// <param name="From">The oldest text of the test.</param>
/// <param name="To">The newest one.</param>
/// <param name="Texts">How many it was tested on.</param>
/// <param name="Positive">How many of them are positive.</param>
/// <param name="Negative">How many are negative.</param>
/// <param name="Auc">How often it gave a positive one more than a negative one, 0 to 1.</param>
/// <param name="AucInterval">DeLong's, 95 %.</param>
/// <param name="Accuracy">The share that it put on the right side.</param>
/// <param name="BaseAccuracy">The share that always saying the more frequent side puts on the right one.</param>
internal sealed record FeedbackFitReport(
    DateTimeOffset From, DateTimeOffset To, int Texts, int Positive, int Negative, double Auc, double[] AucInterval, double Accuracy,
    double BaseAccuracy);
