using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>Why a customer is in a segment, or not.</summary>
/// <param name="Matched">Whether the customer is a member.</param>
/// <param name="EvaluatedAt">The instant that the rule was evaluated at.</param>
/// <param name="Restricted">True for a customer that is restricted, and so is in no segment, whatever its rule says; else missing.</param>
/// <param name="Consents">The consents that the segment requires, whatever its rule says; missing where it requires none.</param>
/// <param name="Rule">The rule tree as stored, each node with <c>matched</c>, each rule with <c>actual</c> where the caller may read
/// customers; missing for a manual segment.</param>
public sealed record Explanation(
    bool Matched, DateTimeOffset EvaluatedAt, bool? Restricted, ConsentExplanation? Consents, JsonElement? Rule)
{
    internal static JsonElement Create<T>(CompiledRule<T> rule, T item, Evaluation at, bool showActual, SensitiveFields hidden) =>
        JsonSerializer.SerializeToElement(Node(rule, rule.Root, item, at, muted: false, showActual, hidden), Json.Options);

    private static JsonObject Node<T>(CompiledRule<T> rule, RuleNode node, T item, Evaluation at, bool muted, bool showActual,
        SensitiveFields hidden)
    {
        muted |= node.Muted;
        var shown = JsonObject.Create(node.Source)!;
        if (NodeJson.IsGroup(node.Source))
        {
            shown["rules"] = new JsonArray([.. node.Children.Select(c => (JsonNode)Node(rule, c, item, at, muted, showActual, hidden))]);
        }

        if (muted)
        {
            shown["matched"] = null;
            return shown;
        }

        // A group tells of its parts; whether the whole matches is membership.
        if (hidden.AreRead(node.Source))
        {
            shown["matched"] = null;
            if (showActual && !NodeJson.IsGroup(node.Source))
            {
                shown["actual"] = SensitiveFields.Mask;
            }

            return shown;
        }

        var (matched, actual) = rule.Explain(node, item, at);
        shown["matched"] = matched;
        if (showActual && !NodeJson.IsGroup(node.Source))
        {
            shown["actual"] = actual switch
            {
                double?[] { Length: 2 } point => point[0] is null
                    ? null
                    : new JsonObject { ["latitude"] = point[0], ["longitude"] = point[1] },
                _ => JsonSerializer.SerializeToNode(actual, Json.Options),
            };
        }

        return shown;
    }
}

/// <summary>The consents that a segment requires, of one customer.</summary>
/// <param name="RequiresConsent">The purposes.</param>
/// <param name="Matched">Whether the customer has granted all of them.</param>
/// <param name="Actual">Whether it has granted each; missing where the caller may not read customers.</param>
public sealed record ConsentExplanation(
    IReadOnlyList<string> RequiresConsent, bool Matched, IReadOnlyDictionary<string, bool>? Actual);
