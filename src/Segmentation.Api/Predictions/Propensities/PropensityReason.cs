using System.Globalization;
using Segmentation.Models.Propensities;

namespace Segmentation.Api.Predictions;

/// <summary>A term of a propensity's additive score.</summary>
/// <param name="Feature">What was read of the customer.</param>
/// <param name="Value">What it is; left out where it is missing, which is a value like any other.</param>
/// <param name="OddsRatio">By how much it multiplies the odds, against the mean over the customers that the model learned from.</param>
/// <param name="Text">The same in words.</param>
public sealed record PropensityReason(string Feature, double? Value, double OddsRatio, string Text)
{
    internal static PropensityReason From(PropensityTerm term)
    {
        var moves = term.OddsRatio >= 1
            ? FormattableString.Invariant($"multiplies the odds by {term.OddsRatio:0.##}")
            : FormattableString.Invariant($"divides the odds by {1 / term.OddsRatio:0.##}");
        return new PropensityReason(term.Feature, term.Value, term.OddsRatio, $"{Describe(term.Feature, term.Value)} {moves}.");
    }

    private static string Describe(string feature, float? value)
    {
        var number = value?.ToString("0.##", CultureInfo.InvariantCulture);
        if (feature.Contains('='))
        {
            return value == 1 ? $"That {feature.Replace("=", " is ", StringComparison.Ordinal)}"
                : $"That {feature.Replace("=", " is not ", StringComparison.Ordinal)}";
        }

        const string events = "events.";
        if (!feature.StartsWith(events, StringComparison.Ordinal))
        {
            return number is null ? $"That {feature} is missing" : $"That {feature} is {number}";
        }

        var (type, what) = (feature[events.Length..feature.LastIndexOf('.')], feature[(feature.LastIndexOf('.') + 1)..]);
        return what == "days"
            ? number is null ? $"That there was never a {type}" : $"That the last {type} was {number} days ago"
            : $"That there were {number} of {type} in {what[..^1]} days";
    }
}
