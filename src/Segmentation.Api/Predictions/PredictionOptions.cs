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

    /// <summary>To fit lifetime value: so many customers need an order.</summary>
    public int MinimumCustomers { get; set; } = 500;

    /// <summary>And so many of them orders on several days.</summary>
    public int MinimumRepeating { get; set; } = 100;

    /// <summary>Days from the first order on.</summary>
    public int MinimumDays { get; set; } = 180;

    /// <summary>And the last order at most so many days ago.</summary>
    public int MaximumSilence { get; set; } = 30;

    /// <summary>Why a text is no time of day; null where it is one.</summary>
    public static string? FindTimeFault(string value) =>
        TimeOnly.TryParseExact(value, Format, CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? null : "a time of day: 03:00";

    /// <summary>The day that an instant is in.</summary>
    public DateOnly FindDay(DateTimeOffset at) => new Evaluation(at, TimeZone).Today;

    /// <summary>The first instant of a day.</summary>
    public DateTimeOffset FindStart(DateOnly day) =>
        new Evaluation(DateTimeOffset.UnixEpoch, TimeZone).From(new DateValue.Local(day.ToDateTime(TimeOnly.MinValue)));

    /// <summary>The first instant after a day.</summary>
    public DateTimeOffset FindEnd(DateOnly day) => FindStart(day.AddDays(1));

    /// <summary>The last time that it was, at an instant or before.</summary>
    public DateTimeOffset FindLast(DateTimeOffset at)
    {
        var now = new Evaluation(at, TimeZone);
        var time = TimeOnly.ParseExact(ScoreAt, Format, CultureInfo.InvariantCulture);
        var today = now.From(new DateValue.Local(now.Today.ToDateTime(time)));
        return today <= now.AsOf ? today : now.From(new DateValue.Local(now.Today.AddDays(-1).ToDateTime(time)));
    }
}
