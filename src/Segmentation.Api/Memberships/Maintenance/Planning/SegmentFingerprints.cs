using System.Security.Cryptography;
using System.Text;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Memberships;

/// <summary>Fingerprints of definitions: equal as long as a segment's rule, and all that it refers to, mean the same.</summary>
internal sealed class SegmentFingerprints(DefinitionSet definitions)
{
    private readonly Dictionary<string, string> computed = new(StringComparer.Ordinal);

    /// <summary>The segments that a segment's rule reads; none of a rule that is not valid.</summary>
    public IReadOnlyList<string> References(SegmentDefinition segment) =>
        segment.Rule is { } rule && definitions.Compile(segment, historical: false).Rule is { IsValid: true }
            ? SegmentPlan.FindReferences(rule, definitions)
            : [];

    public string Compute(SegmentDefinition segment)
    {
        if (computed.TryGetValue(segment.Key, out var cached))
        {
            return cached;
        }

        var text = new StringBuilder()
            .Append(segment.Kind).Append('\n').Append(segment.TimeZone).Append('\n').Append(segment.Rule?.GetRawText());
        foreach (var purpose in segment.RequiresConsent ?? [])
        {
            text.Append('\n').Append("requires ").Append(purpose);
        }

        foreach (var purpose in DefinitionSet.FindPurposes(segment).Where(definitions.ConsentExpiries.ContainsKey))
        {
            text.Append('\n').Append(purpose).Append(" expires ").Append(definitions.ConsentExpiries[purpose]);
        }

        if (segment.Rule is { } rule)
        {
            var attributes = RuleReferences.Fields(rule)
                .Where(f => f.StartsWith("attributes.", StringComparison.Ordinal))
                .ToHashSet(StringComparer.Ordinal);
            foreach (var attribute in definitions.Attributes.Where(a => attributes.Contains($"attributes.{a.Name}")))
            {
                text.Append('\n').Append(attribute.Name).Append(' ').Append(attribute.Type);
            }

            foreach (var key in References(segment))
            {
                var reference = definitions.Segments[key];
                text.Append('\n').Append(key).Append(' ').Append(definitions.IsStored(reference)).Append(' ').Append(Compute(reference));
            }
        }

        return computed[segment.Key] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
