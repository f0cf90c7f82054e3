using System.Globalization;
using System.Text.RegularExpressions;

namespace Segmentation.Api.Playbooks;

/// <summary>What was seen, as a text that is given with a decision and sent back as it is. It has no personal data and no secret.</summary>
public abstract partial record Exposure
{
    /// <summary>A text that is long enough for any.</summary>
    public const int MaxLength = 300;

    /// <summary>What a text says; null where it is none.</summary>
    public static Exposure? Parse(string? text)
    {
        if (text is null || text.Length > MaxLength)
        {
            return null;
        }

        if (PlayPattern().Match(text) is { Success: true } play && Number(play) is { } version)
        {
            return new PlayExposure(play.Groups[1].Value, play.Groups[2].Value, version, play.Groups[4].Value);
        }

        return VariantPattern().Match(text) is { Success: true } variant && Number(variant) is { } run
            ? new VariantExposure(variant.Groups[1].Value, run, variant.Groups[4].Value)
            : null;

        static int? Number(Match match) =>
            int.TryParse(match.Groups[3].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    [GeneratedRegex(@"\Aplay:([a-z0-9][a-z0-9-]{0,62})/([a-z0-9][a-z0-9-]{0,62})@([1-9][0-9]{0,9})/([a-z0-9][a-z0-9-]{0,62})\z")]
    private static partial Regex PlayPattern();

    [GeneratedRegex(@"\Aexperiment:([a-z0-9][a-z0-9-]{0,62})()@([1-9][0-9]{0,9})=([a-z0-9][a-z0-9-]{0,62})\z")]
    private static partial Regex VariantPattern();
}

/// <summary>A play was seen: <c>play:PLACEMENT/PLAYBOOK@VERSION/PLAY</c>.</summary>
public sealed record PlayExposure(string Placement, string Playbook, int Version, string Play) : Exposure
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"play:{Placement}/{Playbook}@{Version}/{Play}");
}

/// <summary>A variant was seen, or decided: <c>experiment:KEY@RUN=VARIANT</c>.</summary>
public sealed record VariantExposure(string Experiment, int Run, string Variant) : Exposure
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"experiment:{Experiment}@{Run}={Variant}");
}
