using System.Text;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>A fault in a rule: the JSON Pointer (RFC 6901) of the smallest part at fault, relative to the rule, and what to do about it.</summary>
public record RuleError(string Pointer, string Message)
{
    /// <summary>The pointer to a property or item below another.</summary>
    public static string Below(string pointer, string name) =>
        $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
}

/// <summary>A cycle keeps its message on its way out through the segments that it leads through.</summary>
internal sealed record CycleError(string Pointer, string Message) : RuleError(Pointer, Message);

/// <summary>Finds the known name that was probably meant.</summary>
public static class Nearest
{
    /// <summary>
    /// The known name with the fewest edits to the given one, regardless of case; null when none is within a third of its length.
    /// </summary>
    public static string? To(string name, IEnumerable<string> known)
    {
        return known
            .Select(k => (Name: k, Distance: Distance(Fold.Text(name), Fold.Text(k))))
            .Where(k => k.Distance <= Math.Max(2, k.Name.Length / 3))
            .OrderBy(k => k.Distance).ThenBy(k => k.Name, StringComparer.Ordinal)
            .FirstOrDefault().Name;
    }

    /// <summary>The end of an error text about an unknown name: the nearest known one as a question, or a list of what there is.</summary>
    public static string Hint(string name, IReadOnlyCollection<string> known) =>
        To(name, known) is { } nearest ? $"Did you mean \"{nearest}\"?"
        : known.Count is > 0 and <= 20 ? $"Known: {string.Join(", ", known)}."
        : "GET /api/v1/fields lists what there is.";

    /// <summary>The nearest known name as a question that follows a list of what there is; empty when none is near.</summary>
    internal static string Question(string? name, IEnumerable<string> known) => name is not null && To(name, known) is { } nearest ? $" Did you mean \"{nearest}\"?" : "";

    /// <summary>Text for an error message, shortened.</summary>
    public static string Quote(string text)
    {
        var shown = new StringBuilder("\"");
        foreach (var c in text.Length > 60 ? text[..57] + "..." : text)
        {
            shown.Append(char.IsControl(c) ? '?' : c);
        }

        return shown.Append('"').ToString();
    }

    // Levenshtein, two rows.
    private static int Distance(string a, string b)
    {
        if (a.Length > 128)
        {
            return int.MaxValue;
        }

        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var current = new int[b.Length + 1];
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                current[j] = Math.Min(Math.Min(previous[j], current[j - 1]) + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            }

            previous = current;
        }

        return previous[^1];
    }
}
