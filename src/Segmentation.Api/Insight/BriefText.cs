using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>A brief in Markdown.</summary>
internal static partial class BriefText
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>The page.</summary>
    public static string Write(Brief brief)
    {
        var zone = brief.Forecast.TimeZone;
        List<string> parts =
        [
            $"# {Escape(brief.Name)}",
            .. brief.Goal is null ? (string[])[] : [$"**Goal:** {Escape(brief.Goal)}"],
            .. brief.Description is null ? (string[])[] : [Escape(brief.Description)],
            $"**Who is in it:** {(brief.RuleText is null ? "it is not said by a rule that holds" : Escape(brief.RuleText))}.",
            "## Size",
            WriteSize(brief, zone),
            "## What marks them",
            brief.Persona is { } persona
                ? $"**{Escape(persona.Headline)}.** As of {Date(persona.AsOf, zone)}:\n\n{List(persona.Sentences)}"
                : "Not known.",
            $"## How they do: {Escape(brief.Metric.Name)}",
            WritePerformance(brief, zone),
            "## Where it is heading",
            WriteForecast(brief),
            "## About to leave",
            WriteLeaving(brief.Leaving),
            "## What is not known",
            brief.Unknown.Count == 0 ? "Nothing that was asked for is missing." : List(brief.Unknown.Select(u => u.Text)),
            string.Create(Culture, $"*As of {brief.EvaluatedAt:yyyy-MM-dd HH:mm:ss} UTC.*"),
        ];
        return string.Join("\n\n", parts) + "\n";
    }

    /// <summary>A day as people write it: <c>29 November 2026</c>.</summary>
    public static string Date(DateTimeOffset at, string zone) => Date(LocalTime.Date(at, zone));

    private static string Date(DateOnly day) => day.ToString("d MMMM yyyy", Culture);

    private static string WriteSize(Brief brief, string zone)
    {
        var now = brief.Size is { } size
            ? string.Create(Culture, $"**{size.Members:N0}** of {size.Total:N0} customers, {Percent(size.Share)}.")
            : "Not known.";
        var months = brief.Trend.Items.Where(i => i.Size is not null).ToList();
        return months.Count == 0 ? now : $"{now}\n\n" + Table(
            ["Month", "Joined", "Left", "Members at its end"],
            months.Select(i => new[] { Month(i.Start, zone, i.End < brief.EvaluatedAt), Count(i.Joined), Count(i.Left), Count(i.Size) }));
    }

    private static string WritePerformance(Brief brief, string zone)
    {
        var (metric, items) = (brief.Metric, brief.Performance.Items.Where(i => i.Segment.Members is not null).ToList());
        if (items.Count == 0)
        {
            return "Not known.";
        }

        var what = metric.Kind switch
        {
            MetricKind.Conversion => "Share of members",
            MetricKind.Ratio => "Value",
            _ => "Per member",
        };
        var better = metric.Direction == MetricGoal.Increase ? "More is better" : "Less is better";
        return $"{better}. Those count who were in when the month began, whatever they did later.\n\n" + Table(
            ["Month", "Members", $"{what} (95 %)", "Others", "Times everyone's"],
            items.Select(i => new[]
            {
                Month(i.Start, zone, i.Complete),
                Count(i.Segment.Members),
                Level(metric.Kind, i.Segment, withInterval: true),
                Level(metric.Kind, i.Compared, withInterval: false),
                i.Index is { } index ? index.ToString("N2", Culture) : "–",
            }));
    }

    private static string Level(MetricKind kind, MetricFigures figures, bool withInterval)
    {
        var (level, interval) = kind switch
        {
            MetricKind.Conversion => (figures.Conversion, figures.ConversionInterval),
            MetricKind.Ratio => (figures.Value, figures.ValueInterval),
            _ => (figures.PerMember, figures.PerMemberInterval),
        };
        var say = kind == MetricKind.Conversion ? (Func<double, string>)Percent : Number;
        return level is not { } value ? "–"
            : withInterval && interval is [var low, var high] ? $"{say(value)} ({say(low)} to {say(high)})"
            : say(value);
    }

    private static string WriteForecast(Brief brief)
    {
        List<string> sentences = [];
        if (brief.Forecast.Items is [.., var last])
        {
            var range = last.Interval80;
            sentences.Add($"On {Date(last.Date)} **{Count(last.Size)}** members are expected, in four of five cases "
                + $"{Count(range[0])} to {Count(range[1])}.");
        }

        if (brief.Forecast.Clock is [.., var clock])
        {
            sentences.Add($"If nobody does anything, it has {Count(clock.Size)} on {Date(clock.Date)}.");
        }

        if (brief.Forecast.Backtest is { } test)
        {
            var held = test.Coverage80 is { } coverage ? $", and its ranges held {Percent(coverage)} of what came" : "";
            sentences.Add($"Tried from {Count(test.Origins)} past days, it was wrong by {Number(test.MeanAbsoluteError)} members on "
                + $"average (\"it stays as it is\": {Number(test.NaiveError)}){held}.");
        }

        return sentences.Count == 0 ? "Not known." : string.Join(' ', sentences);
    }

    private static string WriteLeaving(BriefLeaving? leaving)
    {
        if (leaving is null)
        {
            return "Not known.";
        }

        var count = $"**{(leaving.More ? "At least " : "")}{Count(leaving.Count)}** will leave within {leaving.Days} days if nobody does "
            + "anything.";
        return leaving.Soonest.Count == 0 ? count : $"{count} The first:\n\n" + Table(
            ["Customer", "On"], leaving.Soonest.Select(m => new[] { Escape(m.Id), Date(m.On) }));
    }

    private static string Month(DateTimeOffset start, string zone, bool complete) =>
        LocalTime.Date(start, zone).ToString("MMMM yyyy", Culture) + (complete ? "" : ", so far");

    private static string Count(double? number) => number?.ToString("N0", Culture) ?? "–";

    private static string Number(double number) => number.ToString("N2", Culture);

    private static string Percent(double share) => (100 * share).ToString("0.#", Culture) + " %";

    private static string List(IEnumerable<string> items) => string.Join('\n', items.Select(i => $"- {Escape(i)}"));

    private static string Table(string[] head, IEnumerable<string[]> rows) => new StringBuilder()
        .AppendJoin('\n', [Line(head), Line([.. head.Select(_ => "---")]), .. rows.Select(Line)]).ToString();

    private static string Line(string[] cells) => $"| {string.Join(" | ", cells)} |";

    // What people typed stays text: no markup, no line of its own.
    private static string Escape(string text) => Special().Replace(Spaces().Replace(text.Trim(), " "), @"\$0");

    [GeneratedRegex(@"[\\`*_{}\[\]<>#|~]|^(?=[-+=])|(?<=^\d+)[.)]")]
    private static partial Regex Special();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
