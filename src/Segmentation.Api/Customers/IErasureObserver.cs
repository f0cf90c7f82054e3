using Segmentation.Api.Privacy;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Holds what belongs to a customer in tables of its own, and erases it with the customer.</summary>
public interface IErasureObserver
{
    /// <summary>
    /// Erases what is held of the customer, whether it is stored or not, and counts it. Called in the transaction that erases it, or makes
    /// it anonymous, before its row changes.
    /// </summary>
    Task EraseAsync(Erasing erasing, CancellationToken cancellation);
}

/// <summary>Somebody who is being erased, and what has gone so far.</summary>
/// <param name="id">The customer's id.</param>
/// <param name="customer">The customer; null where there is none, but for what else has its id.</param>
/// <param name="kind">What is done with it.</param>
/// <param name="isOfMany">Whether it is one of many: what reads all definitions is left for later, to be read once for all of them.</param>
public sealed class Erasing(string id, Customer? customer, ErasureKind kind, bool isOfMany)
{
    public string Id => id;
    public Customer? Customer => customer;
    public ErasureKind Kind => kind;
    public bool IsOfMany => isOfMany;

    /// <summary>What names it: its id, and its email as it was.</summary>
    public string[] Names { get; } = [.. new[] { id, customer?.Email }.OfType<string>()];

    /// <summary>The same as rules compare them.</summary>
    public string[] FoldedNames => Array.ConvertAll(Names, CaseNormalizer.Normalize)!;

    /// <summary>How many rows went, by what they were; nothing that was none.</summary>
    public SortedDictionary<string, long> Removed { get; } = new(StringComparer.Ordinal);

    /// <summary>Present definitions that compare with its id or email: <c>segments/vip</c>; <c>definitions</c> where that is still to be
    /// found out.</summary>
    public List<string> Definitions { get; } = [];

    /// <summary>Where a mass of impressions goes behind the transaction: of which visitors, its own id the last, and up to which of them;
    /// else null. Only of a customer.</summary>
    public (string[] Visitors, long Last)? Impressions { get; set; }

    /// <summary>Counts rows that went.</summary>
    public void Count(string what, long rows)
    {
        if (rows > 0)
        {
            Removed[what] = Removed.GetValueOrDefault(what) + rows;
        }
    }
}
