using Segmentation.Rules.Values;

namespace Segmentation.Rules.Time;

/// <summary>Whether the clocks of a time zone go evenly between two instants.</summary>
internal static class ClockRegularity
{
    // More than any change of a clock, and the day around it.
    private const double MarginHours = 26;

    /// <summary>Whether no clock is changed near two instants, nor near the dates that relative dates mean then.</summary>
    public static bool IsRegular(DateTimeOffset from, DateTimeOffset to, string zoneId, IEnumerable<DateValue> dates)
    {
        var zone = LocalTime.Find(zoneId);
        if (!zone.SupportsDaylightSavingTime && zone.GetAdjustmentRules().Length == 0)
        {
            return true;
        }

        var first = new Evaluation(from, zoneId);
        var last = new Evaluation(to, zoneId);
        return IsEven(from, to) && dates.All(d => IsEven(first.From(d), last.From(d)));

        bool IsEven(DateTimeOffset a, DateTimeOffset b) =>
            zone.GetUtcOffset(a.AddHours(-MarginHours)) == zone.GetUtcOffset(b.AddHours(MarginHours));
    }
}
