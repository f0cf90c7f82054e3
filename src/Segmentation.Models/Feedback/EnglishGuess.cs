using System.Collections.Frozen;

namespace Segmentation.Models.Feedback;

/// <summary>Whether a text is English: by a customer's language, else by the words that every text of a language is full of.</summary>
public static class EnglishGuess
{
    // Of these a text in English has about two of five words.
    private const double LeastShare = 0.15;

    // Words that other languages of Latin script have as well, in another meaning, are in neither list: in, die, was, so, on, no, me.
    private static readonly FrozenSet<string> english = Split(
        "the and is are were of to for with this that these it its it's i'm i've i'd i'll you your my our they them their we not but have "
        + "has had been be from by at which what when would could should will can can't don't didn't doesn't isn't wasn't very too just "
        + "than then there here how who or if only because about after before out up as does did being such any all i he she his her");

    private static readonly FrozenSet<string> others = Split(
        "der das und ist nicht ich sie wir ein eine einen mit auf für dem den sehr auch aber von zu es im war sind "
        + "le la les une des est pas je vous nous avec pour dans mais que qui très plus du et au ce sur "
        + "el los las una y es muy con por para pero como más del lo se mi su en "
        + "il gli che non sono è di per molto ma della con questo mia "
        + "het een niet ik jij wij zijn heel maar van voor met op ook dat dit "
        + "o os uma não muito mas com em por eu do da foi "
        + "og det er ikke jeg på til av som den och att är inte jag "
        + "i w nie to się na z jest że bardzo ale");

    /// <summary>Whether a language's name is that of English: <c>en</c>, <c>en-GB</c>, <c>English</c>.</summary>
    public static bool IsEnglish(string language) =>
        language.Equals("en", StringComparison.OrdinalIgnoreCase)
        || language.StartsWith("en-", StringComparison.OrdinalIgnoreCase)
        || language.StartsWith("en_", StringComparison.OrdinalIgnoreCase)
        || language.Equals("english", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the function words of a text are English ones: at least 15 % of its words, and more than are of others.</summary>
    public static bool IsEnglish(IReadOnlyCollection<string> words)
    {
        var (own, foreign) = (words.Count(english.Contains), words.Count(others.Contains));
        return own > foreign && own >= LeastShare * words.Count;
    }

    private static FrozenSet<string> Split(string words) => words.Split(' ').ToFrozenSet(StringComparer.Ordinal);
}
