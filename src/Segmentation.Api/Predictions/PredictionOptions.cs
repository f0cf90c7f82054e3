using System.Globalization;
using Segmentation.Rules;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Predictions;

/// <summary>Setting <c>Predictions</c>: when customers are scored.</summary>
public sealed class PredictionOptions
{
    private const string Format = "HH:mm";

    /// <summary>The time of day.</summary>
    public string ScoreAt { get; set; } = "03:00";

    /// <summary>The zone that it is in: an IANA name.</summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>Why a text is no time of day; null where it is one.</summary>
    public static string? FindTimeFault(string value) =>
        TimeOnly.TryParseExact(value, Format, CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? null : "a time of day: 03:00";

    /// <summary>The last time that it was, at an instant or before.</summary>
    public DateTimeOffset FindLast(DateTimeOffset at)
    {
        var now = new Evaluation(at, TimeZone);
        var time = TimeOnly.ParseExact(ScoreAt, Format, CultureInfo.InvariantCulture);
        var today = now.From(new DateValue.Local(now.Today.ToDateTime(time)));
        return today <= now.AsOf ? today : now.From(new DateValue.Local(now.Today.AddDays(-1).ToDateTime(time)));
    }
}
