using System.Globalization;
using System.Text.RegularExpressions;
using Segmentation.Models.Feedback;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>Setting <c>Feedback</c>: which events are feedback, and where their texts and scores are.</summary>
public sealed class FeedbackOptions
{
    /// <summary>Types of event. Compared without regard to case.</summary>
    public string[] EventTypes { get; set { field = [.. value.Select(CaseNormalizer.Normalize)!]; } } = ["feedback"];

    /// <summary>The property with the text.</summary>
    public string TextProperty { get; set; } = "text";

    /// <summary>The property with the score of "would you recommend us", 0 to 10.</summary>
    public string NpsProperty { get; set; } = "nps";

    /// <summary>The property with the score of "are you satisfied".</summary>
    public string CsatProperty { get; set; } = "csat";

    /// <summary>The properties that are scores, each with its scale. Of several in one event the first counts.</summary>
    public FeedbackScale[] Scales { get; set; } =
        [new("nps", new SentimentScale(0, 10)), new("csat", new SentimentScale(1, 5)), new("rating", new SentimentScale(1, 5))];

    /// <summary>A property's path, as <see cref="Data.JsonValue"/> reads it.</summary>
    internal static string[] Path(string property) => property.Split('.');
}

/// <summary>A property that is a score, and its scale.</summary>
public sealed partial record FeedbackScale(string Property, SentimentScale Scale)
{
    private const string Form = "a property's name and its scale, from the worst to the best score: nps 0-10";

    /// <summary>As a setting writes it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Property} {Scale.Low}-{Scale.High}");

    /// <summary>Why a text is none; null where it is one.</summary>
    public static string? FindFault(string text) => Find(text) is null ? Form : null;

    /// <summary>The one that a text is.</summary>
    public static FeedbackScale Parse(string text) => Find(text) ?? throw new FormatException($"It must be {Form}.");

    private static FeedbackScale? Find(string text)
    {
        var match = Parts().Match(text.Trim());
        return match.Success && Number(2) is { } low && Number(3) is { } high && low < high
            ? new FeedbackScale(match.Groups[1].Value, new SentimentScale(low, high))
            : null;

        decimal? Number(int group) =>
            decimal.TryParse(
                match.Groups[group].ValueSpan, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
                out var number)
                ? number
                : null;
    }

    [GeneratedRegex(@"^(\S{1,256})\s+(-?[0-9.]{1,9})\s*-\s*(-?[0-9.]{1,9})$")]
    private static partial Regex Parts();
}
