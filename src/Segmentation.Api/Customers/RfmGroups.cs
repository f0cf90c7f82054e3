using System.Text.Json;
using Segmentation.Models;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>The groups of RFM by the names that rules and answers have for them.</summary>
internal static class RfmGroups
{
    /// <summary>The field.</summary>
    public const string Field = "value.rfmGroup";

    private const int Scores = RecencyFrequencyValue.Scores;

    /// <summary>All eleven, the best first.</summary>
    public static readonly string[] Names = [.. Enum.GetValues<RfmGroup>().Select(Name)];

    /// <summary>
    /// That of each combination of recency, frequency and monetary value, as rules compare it: of 1-1-1, 1-1-2, to 5-5-5.
    /// </summary>
    public static readonly string[] ByScores =
    [
        .. from recency in Enumerable.Range(1, Scores)
           from frequency in Enumerable.Range(1, Scores)
           from monetary in Enumerable.Range(1, Scores)
           select CaseNormalizer.Normalize(Name(recency, frequency, monetary)),
    ];

    /// <summary>That of some scores.</summary>
    public static string Name(int recency, int frequency, int monetary) =>
        Name(RecencyFrequencyValue.Name(recency, RecencyFrequencyValue.Combine(frequency, monetary)));

    public static string Name(RfmGroup group) => JsonNamingPolicy.CamelCase.ConvertName(group.ToString());

    /// <summary>Whether a rule reads a score or a group.</summary>
    public static bool AreRead(JsonElement rule) =>
        RuleReferences.Fields(rule).Any(f => f.StartsWith("value.rfm", StringComparison.Ordinal));

    /// <summary>Whether there is a group of that name.</summary>
    public static bool Exists(string name) => ByScores.Contains(CaseNormalizer.Normalize(name));
}
