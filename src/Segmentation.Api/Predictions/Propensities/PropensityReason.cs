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
        const string events = "events.";
        if (feature.Contains('=') && !feature.StartsWith(events, StringComparison.Ordinal))
        {
            var parts = feature.Split('=', 2);
            return $"That {parts[0]} is {(value == 1 ? "" : "not ")}{parts[1]}";
        }

        if (!feature.StartsWith(events, StringComparison.Ordinal))
        {
            return (feature, number) switch
            {
                ("signup.days", null) => "That it is not known when it signed up",
                ("signup.days", _) => $"That it signed up {number} days ago",
                ("active.days30" or "active.days90", _) => $"That it was active on {number} of the last {feature[^2..]} days",
                ("orders.x" or "orders.tx" or "orders.T", null) => "That it has no order",
                ("orders.x", _) => $"That it ordered on {number} days after the first",
                ("orders.tx", _) => $"That {number} days lie between its first order and its last",
                ("orders.T", _) => $"That its first order was {number} days ago",
                ("orders.m", null) => "That no order after the first had an amount",
                ("orders.m", _) => $"That its orders after the first had an amount of {number} on average",
                ("goal.count90", _) => $"That it did this {number} times in 90 days",
                ("goal.amount90", _) => $"That this had an amount of {number} in 90 days",
                (_, null) => $"That {feature} is missing",
                _ => $"That {feature} is {number}",
            };
        }

        var (type, what) = (feature[events.Length..feature.LastIndexOf('.')], feature[(feature.LastIndexOf('.') + 1)..]);
        return what == "days"
            ? number is null ? $"That there was never a {type}" : $"That the last {type} was {number} days ago"
            : $"That there were {number} of {type} in {what[..^1]} days";
    }
}
