using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Events;
using Segmentation.Models.Feedback;
using Segmentation.Rules.Values;

namespace Segmentation.Local;

/// <summary>Turns some of what a customer looks at into feedback: a score, a text in English or German, or both.</summary>
internal static class SampleFeedback
{
    private const double Share = 0.05;
    private const int Scores = 11;

    private static readonly SentimentScale scale = new(0, 10);

    // What is good, and then what is bad.
    private static readonly string[] english =
    [
        "the delivery was fast", "the quality is great", "the support was friendly", "it fits perfectly", "ordering was easy",
        "it looks beautiful",
        "the delivery was late", "the quality is poor", "the support was rude", "it broke after two weeks", "the website is confusing",
        "it looks cheap",
    ];

    private static readonly string[] german =
    [
        "die Lieferung war schnell", "die Qualität ist toll", "der Service war freundlich", "es passt perfekt",
        "die Bestellung war einfach",
        "es sieht schön aus",
        "die Lieferung kam zu spät", "die Qualität ist schlecht", "der Service war unfreundlich", "es ging nach zwei Wochen kaputt",
        "die Seite ist unübersichtlich", "es sieht billig aus",
    ];

    private static readonly int Phrases = english.Length, Good = english.Length / 2;

    // By language (none, English, German), score (none, 0 to 10) and what is said first and then.
    private static readonly Answer?[] answers = new Answer[3 * (1 + Scores) * Phrases * Phrases];

    /// <summary>A customer's events, some of them feedback.</summary>
    /// <param name="language">The customer's.</param>
    /// <param name="random">The customer's own numbers.</param>
    public static IEnumerable<CustomerEvent> Mix(IEnumerable<CustomerEvent> events, string language, SampleRandom random)
    {
        var (mood, spoken) = (random.Unit(), language switch { "en" => 1, "de" => 2, _ => 0 });
        foreach (var e in events)
        {
            if (e.Type == "page_viewed" && random.Chance(Share))
            {
                var score = mood switch
                {
                    < 0.2 => random.Below(7),
                    < 0.45 => 4 + random.Below(5),
                    _ => 7 + Math.Max(random.Below(4), random.Below(4)),
                };
                var isScored = spoken == 0 || random.Chance(0.8);
                var (first, then) = spoken == 0 ? (0, 0) : (Phrase(ref random, score), Phrase(ref random, score));
                var place = (((((spoken * (1 + Scores)) + (isScored ? 1 + score : 0)) * Phrases) + first) * Phrases) + then;
                var answer = answers[place] ??= Create(spoken, isScored ? score : null, first, then);
                e.Type = "feedback";
                (e.Properties, e.PropertiesSent, e.Sentiment, e.SentimentSource) = answer;
            }

            yield return e;
        }
    }

    // Who is content says so in most cases.
    private static int Phrase(ref SampleRandom random, int score)
    {
        var isGood = random.Chance(score switch { >= 9 => 0.93, >= 7 => 0.75, >= 5 => 0.45, _ => 0.15 });
        return random.Below(Good) + (isGood ? 0 : Good);
    }

    private static Answer Create(int language, int? score, int first, int then)
    {
        var text = language switch { 1 => Say(english, "and", "but"), 2 => Say(german, "und", "aber"), _ => null };
        var parts = new List<string>();
        if (score is not null)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"\"nps\":{score}"));
        }

        if (text is not null)
        {
            parts.Add($"\"text\":{JsonSerializer.Serialize(text, Api.Http.Json.Options)}");
        }

        var json = $"{{{string.Join(',', parts)}}}";
        var folded = CaseNormalizer.Normalize(json);
        var sentiment = score is null ? Sentiments.ScoreByWords(text!, language == 1 ? "en" : "de") : scale.ToSentiment(score.Value);
        var source = sentiment is null ? null : score is null ? SentimentSources.Words : SentimentSources.Score;
        return new Answer(JsonElement.Parse(folded), folded == json ? null : JsonElement.Parse(json), sentiment, source);

        string Say(string[] phrases, string and, string but)
        {
            var said = first == then ? phrases[first]
                : first < Good == then < Good ? $"{phrases[first]} {and} {phrases[then]}"
                : $"{phrases[first]}, {but} {phrases[then]}";
            return char.ToUpperInvariant(said[0]) + said[1..];
        }
    }

    private sealed record Answer(JsonElement? Properties, JsonElement? Original, decimal? Sentiment, string? Source);
}
