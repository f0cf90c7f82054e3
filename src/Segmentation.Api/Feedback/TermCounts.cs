using System.Runtime.InteropServices;
using Segmentation.Models.Feedback;

namespace Segmentation.Api.Feedback;

/// <summary>Counts how many positive and negative texts use each word, and whether enough customers do.</summary>
/// <param name="minimum">Customers that must have used a word for it to be told.</param>
internal sealed class TermCounts(int minimum)
{
    /// <summary>Texts that are read, at most.</summary>
    public const int MaxTexts = 20_000;

    private const int MaxTerms = 20;

    private readonly Dictionary<string, Uses> words = new(StringComparer.Ordinal);

    /// <summary>How many texts were added.</summary>
    public int Texts { get; private set; }

    /// <summary>Adds a text.</summary>
    public void Add(long customer, string text, bool isPositive)
    {
        Texts++;
        foreach (var word in FeedbackWords.Read(text).Distinct(StringComparer.Ordinal))
        {
            ref var uses = ref CollectionsMarshal.GetValueRefOrAddDefault(words, word, out _);
            uses ??= new Uses();
            uses.Positive += isPositive ? 1 : 0;
            uses.Negative += isPositive ? 0 : 1;
            if (uses.Customers.Count < minimum && !uses.Customers.Contains(customer))
            {
                uses.Customers.Add(customer);
            }
        }
    }

    /// <summary>The words of the largest weights on either side.</summary>
    public FeedbackTerms Weigh()
    {
        var all = words.ToList();
        var weights = TermWeights.Compare(
            [.. all.Select(w => new TermCount(w.Value.Positive, w.Value.Negative, w.Value.Positive + w.Value.Negative))]);
        var terms = all.Zip(weights, (w, weight) => (w.Value.Customers, Term: new FeedbackTerm(
                w.Key, weight, w.Value.Positive, w.Value.Negative)))
            .Where(t => t.Customers.Count >= minimum).Select(t => t.Term)
            .OrderByDescending(t => Math.Abs(t.Weight)).ThenBy(t => t.Term, StringComparer.Ordinal).ToList();
        return new FeedbackTerms(
            Texts, [.. terms.Where(t => t.Weight > 0).Take(MaxTerms)], [.. terms.Where(t => t.Weight < 0).Take(MaxTerms)]);
    }

    private sealed class Uses
    {
        public long Positive { get; set; }

        public long Negative { get; set; }

        // No more than it takes.
        public List<long> Customers { get; } = [];
    }
}
