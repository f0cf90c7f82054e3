using System.Globalization;
using System.Text;

namespace Segmentation.Models.Feedback;

/// <summary>The words of a text, whatever its language: runs of letters, without regard to case.</summary>
public static class FeedbackWords
{
    /// <summary>Characters of a text that are read; what follows is left out.</summary>
    public const int MaxCharacters = 4000;

    private const char Apostrophe = '\'';

    /// <summary>Reads them, in their order. An apostrophe within a word is a part of it: <c>don't</c>.</summary>
    public static List<string> Read(string text)
    {
        var all = text.Length > MaxCharacters ? text[..MaxCharacters] : text;
        List<string> words = [];
        var word = new StringBuilder();
        foreach (var rune in all.EnumerateRunes())
        {
            if (IsLetter(rune))
            {
                word.Append(Rune.ToLowerInvariant(rune));
            }
            else if (rune.Value is Apostrophe or '’' && word.Length > 0)
            {
                word.Append(Apostrophe);
            }
            else
            {
                End();
            }
        }

        End();
        return words;

        void End()
        {
            var read = word.ToString().TrimEnd(Apostrophe);
            word.Clear();
            if (read.Length > 0)
            {
                words.Add(read);
            }
        }
    }

    // Marks are a part of the letters that they stand on.
    private static bool IsLetter(Rune rune) => Rune.GetUnicodeCategory(rune) is <= UnicodeCategory.OtherLetter
        or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}
