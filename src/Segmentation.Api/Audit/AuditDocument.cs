using System.Text.Json.Nodes;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Audit;

/// <summary>What of a definition the log shows.</summary>
internal static class AuditDocument
{
    private const string Url = "Url";

    /// <summary>
    /// Puts marks in the place of texts that may name a person, as a rule does that asks for an id or an email, and of the path of an
    /// address, which may be a secret. Two that are equal stay equal.
    /// </summary>
    public static JsonNode? Hide(JsonNode? value, string name, byte[] marks)
    {
        if (name == Url && value is not null && Uri.TryCreate(value.GetValue<string>(), UriKind.Absolute, out var url))
        {
            return $"{url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)}/{Mark(url.AbsoluteUri, marks)}";
        }

        ComparedTexts.Replace(value, text => Mark(text, marks));
        return value;
    }

    /// <summary>The RFC 6902 patch from one document to another, a property at a time.</summary>
    public static JsonArray Compare(JsonObject from, JsonObject to)
    {
        var patch = new JsonArray();
        foreach (var name in from.Select(p => p.Key).Union(to.Select(p => p.Key)).Order(StringComparer.Ordinal))
        {
            var path = "/" + name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
            if (!to.TryGetPropertyValue(name, out var now))
            {
                patch.Add(new JsonObject { ["op"] = "remove", ["path"] = path });
            }
            else if (!from.TryGetPropertyValue(name, out var before))
            {
                patch.Add(new JsonObject { ["op"] = "add", ["path"] = path, ["value"] = now?.DeepClone() });
            }
            else if (!JsonNode.DeepEquals(before, now))
            {
                patch.Add(new JsonObject { ["op"] = "replace", ["path"] = path, ["value"] = now?.DeepClone() });
            }
        }

        return patch;
    }

    private static string Mark(string text, byte[] marks) => CustomerMarks.Write(CustomerMarks.Compute(marks, text));
}
