using System.Linq.Expressions;
using System.Text.Json;

namespace Segmentation.Rules.Catalog;

/// <summary>A segment that a rule refers to.</summary>
/// <param name="Key">The key by which rules name it.</param>
/// <param name="Rule">Its rule tree; null for a manual segment.</param>
/// <param name="TimeZone">IANA name of its time zone, in which its rule is evaluated wherever it is referred to.</param>
/// <param name="ManualId">The id that <see cref="SegmentAccess.Manual"/> needs; null for a segment with a rule.</param>
/// <param name="StoredId">
/// The id that <see cref="SegmentAccess.Stored"/> needs, where stored membership is to be read in place of the rule.
/// </param>
/// <param name="Gate">What its members need besides (<see cref="RuleCompiler{T}.Compile"/>), as stored membership has it already; null for
/// nothing.</param>
public sealed record SegmentReference(
    string Key, JsonElement? Rule, string TimeZone, int? ManualId, int? StoredId = null, LambdaExpression? Gate = null);
