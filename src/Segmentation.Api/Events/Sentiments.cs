using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;
using Segmentation.Models.Feedback;

namespace Segmentation.Api.Events;

/// <summary>Finds the sentiment of feedback: by its score, else by its text; else there is none.</summary>
public sealed class Sentiments(FeedbackOptions options, SentimentModels models)
{
    private readonly (string[] Path, SentimentScale Scale)[] scales =
        [.. options.Scales.Select(s => (FeedbackOptions.Path(s.Property), s.Scale))];

    private readonly string[] textPath = FeedbackOptions.Path(options.TextProperty);

    /// <summary>Whether an event is feedback.</summary>
    /// <param name="type">Folded.</param>
    public bool IsFeedback(string type) => Array.IndexOf(options.EventTypes, type) >= 0;

    /// <summary>The sentiment of a score in an event: of the first that is a number on its scale.</summary>
    public decimal? FindScore(CustomerEvent e)
    {
        foreach (var (path, scale) in scales)
        {
            if (JsonValue.Number(e.Properties, path) is { } score && scale.ToSentiment(score) is { } sentiment)
            {
                return sentiment;
            }
        }

        return null;
    }

    /// <summary>The text of an event as it was sent.</summary>
    public string? FindText(CustomerEvent e) =>
        JsonValue.Text(e.PropertiesSent is { } sent ? EventProperties.Restore(sent) : e.Properties, textPath);

    /// <summary>Sets the sentiment of those of some events that are feedback. The model that it is by stays in force until the transaction
    /// ends.</summary>
    /// <param name="connection">In the transaction that stores them, which holds their customers.</param>
    internal async Task AssessAsync(NpgsqlConnection connection, IReadOnlyList<CustomerEvent> events, CancellationToken cancellation)
    {
        List<(CustomerEvent Event, string Text)> texts = [];
        foreach (var e in events.Where(e => IsFeedback(e.Type)))
        {
            var score = FindScore(e);
            Set(e, score, SentimentSources.Score);
            if (score is null && FindText(e) is { Length: > 0 } text)
            {
                texts.Add((e, text));
            }
        }

        if (texts.Count == 0)
        {
            return;
        }

        if (await models.ReadAsync(connection, cancellation) is { } model)
        {
            texts.ForEach(t => Set(t.Event, model.Score(t.Text), SentimentSources.Model));
            return;
        }

        var languages = await ReadLanguagesAsync(connection, [.. texts.Select(t => t.Event.CustomerKey).Distinct()], cancellation);
        foreach (var (e, text) in texts)
        {
            Set(e, ScoreByWords(text, languages.GetValueOrDefault(e.CustomerKey)), SentimentSources.Words);
        }
    }

    /// <summary>The sentiment of a text by the English list; null where it is not English or has none of its words.</summary>
    /// <param name="language">The customer's; null where it is not known.</param>
    internal static decimal? ScoreByWords(string text, string? language)
    {
        var words = FeedbackWords.Read(text);
        return (language is null ? EnglishGuess.IsEnglish(words) : EnglishGuess.IsEnglish(language)) ? SentimentWords.Score(words) : null;
    }

    private static void Set(CustomerEvent e, decimal? sentiment, string source) =>
        (e.Sentiment, e.SentimentSource) = (sentiment, sentiment is null ? null : source);

    private static async Task<Dictionary<long, string>> ReadLanguagesAsync(
        NpgsqlConnection connection, long[] keys, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            "SELECT key, demographic_language FROM customers WHERE key = ANY ($1) AND demographic_language IS NOT NULL", connection)
        {
            Parameters = { SqlParameter.Create(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint) },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var languages = new Dictionary<long, string>();
        while (await reader.ReadAsync(cancellation))
        {
            languages[reader.GetInt64(0)] = reader.GetString(1);
        }

        return languages;
    }
}
