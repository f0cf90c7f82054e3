using System.Collections.Frozen;
using System.Globalization;

namespace Segmentation.Models.Feedback;

/// <summary>
/// The sentiment of an English text by a list of some 250 words, written by hand for this project (<c>sentiment-words.txt</c>), with
/// negation and emphasis.
/// </summary>
/// <remarks>It sorts crowds, not single texts: among product reviews about four of five pairs are put into the right order. The shape,
/// weights that negation turns and emphasis stretches, whose sum x becomes x / √(x² + 15), is that of C. J. Hutto, E. Gilbert, "VADER",
/// ICWSM 2014; the list is not.</remarks>
public static class SentimentWords
{
    // How far before a word its negation may stand, and its emphasis.
    private const int NegationReach = 3, EmphasisReach = 2;

    // What is not good is less bad than what is bad.
    private const double Negated = -0.75;

    // What comes before "but" counts less than what comes after it.
    private const double BeforeBut = 0.5, AfterBut = 1.5;

    private const double Spread = 15;

    private static readonly string[] endings = ["s", "es", "ed", "d", "ing", "ly", "er", "est"];

    private static readonly (FrozenDictionary<string, double> Words, FrozenDictionary<string, double> Emphasis, FrozenSet<string> Negations)
        list = Load();

    /// <summary>How many words it knows, those that negate or stretch others included.</summary>
    public static int Count => list.Words.Count + list.Emphasis.Count + list.Negations.Count;

    /// <summary>The sentiment of an English text, -1 to 1, three decimals; null where it has none of the words.</summary>
    public static decimal? Score(IReadOnlyList<string> words)
    {
        var but = words.ToList().LastIndexOf("but");
        var (sum, found) = (0.0, false);
        for (var i = 0; i < words.Count; i++)
        {
            if (Find(words[i]) is not { } weight || weight == 0)
            {
                continue;
            }

            for (var back = 1; back <= NegationReach && back <= i; back++)
            {
                var before = words[i - back];
                if (IsNegation(before))
                {
                    weight *= Negated;
                    break;
                }

                weight *= back <= EmphasisReach ? list.Emphasis.GetValueOrDefault(before, 1) : 1;
            }

            sum += weight * (but < 0 ? 1 : i < but ? BeforeBut : AfterBut);
            found = true;
        }

        return found ? SentimentScale.Round((decimal)(sum / Math.Sqrt((sum * sum) + Spread))) : null;
    }

    private static bool IsNegation(string word) => list.Negations.Contains(word) || word.EndsWith("n't", StringComparison.Ordinal);

    // As it is, or without an ending: "loved", "loving" and "loves" are "love".
    private static double? Find(string word)
    {
        if (list.Words.TryGetValue(word, out var weight))
        {
            return weight;
        }

        foreach (var ending in endings)
        {
            if (word.Length - ending.Length >= 3 && word.EndsWith(ending, StringComparison.Ordinal))
            {
                var stem = word[..^ending.Length];
                if (list.Words.TryGetValue(stem, out weight)
                    || (ending is "ing" or "ly" && list.Words.TryGetValue(stem + "e", out weight))
                    || (stem[^1] == 'i' && list.Words.TryGetValue(stem[..^1] + "y", out weight)))
                {
                    return weight;
                }
            }
        }

        return null;
    }

    // Lines of a section's kind: a number, then the words that have it.
    private static (FrozenDictionary<string, double>, FrozenDictionary<string, double>, FrozenSet<string>) Load()
    {
        using var stream = typeof(SentimentWords).Assembly.GetManifestResourceStream("sentiment-words.txt")!;
        using var reader = new StreamReader(stream);
        var (words, emphasis, negations) = (
            new Dictionary<string, double>(), new Dictionary<string, double>(), new HashSet<string>(StringComparer.Ordinal));
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (var word in parts[1..])
            {
                switch (parts[0][0])
                {
                    case 'n':
                        negations.Add(word);
                        break;
                    case 'x':
                        emphasis.Add(word, Number(parts[0][1..]));
                        break;
                    default:
                        words.Add(word, Number(parts[0]));
                        break;
                }
            }
        }

        return (words.ToFrozenDictionary(StringComparer.Ordinal), emphasis.ToFrozenDictionary(StringComparer.Ordinal),
            negations.ToFrozenSet(StringComparer.Ordinal));

        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }
}
