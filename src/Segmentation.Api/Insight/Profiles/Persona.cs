using System.Globalization;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Insight;

/// <summary>A finding, for words.</summary>
/// <param name="Subject">What it is about: of several, the most telling is enough.</param>
/// <param name="Phrase">What they do, after "39 %".</param>
/// <param name="Name">What they are, by itself.</param>
internal sealed record PersonaTrait(string Subject, ProportionComparison Comparison, string Phrase, string Name);

/// <summary>Says in words what marks members most.</summary>
internal static class Persona
{
    private const int Sentences = 5;
    private const int Named = 3;
    private const double WorthTimes = 1.2;

    /// <summary>Of findings about the same, the most telling; of these, five.</summary>
    public static PersonaResult Describe(IEnumerable<PersonaTrait> traits)
    {
        var told = traits.OrderByDescending(t => t.Comparison.Information).DistinctBy(t => t.Subject).Take(Sentences).ToList();
        string[] more = [.. told.Where(t => t.Comparison.Difference > 0).Take(Named).Select(t => t.Name)];
        string[] fewer = [.. told.Where(t => t.Comparison.Difference < 0).Take(Named).Select(t => t.Name)];
        var headline = more is not [] ? Join(more, "and")
            : fewer is not [] ? $"seldom {Join(fewer, "or")}"
            : "nothing sets them apart";
        return new PersonaResult(char.ToUpperInvariant(headline[0]) + headline[1..], [.. told.Select(Say)]);
    }

    private static string Say(PersonaTrait trait)
    {
        var (members, others) = (trait.Comparison.Members.Share, trait.Comparison.Others.Share);
        var than = trait.Comparison.Lift switch
        {
            null => "and nobody elsewhere",
            >= WorthTimes and var lift => string.Create(
                CultureInfo.InvariantCulture,
                $"{Math.Round(lift, lift < 10 ? 1 : 0)} times as many as elsewhere ({Percent(others)})"),
            _ => $"against {Percent(others)} elsewhere",
        };
        return $"{Percent(members)} {trait.Phrase}, {than}.";
    }

    private static string Percent(double share) => share switch
    {
        0 => "None",
        1 => "100 %",
        < 0.001 => "Fewer than 0.1 %",
        < 0.1 or > 0.99 => string.Create(CultureInfo.InvariantCulture, $"{Math.Min(100 * share, 99.9):0.#} %"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0} %"),
    };

    private static string Join(string[] names, string last) =>
        names.Length == 1 ? names[0] : $"{string.Join(", ", names[..^1])} {last} {names[^1]}";
}
