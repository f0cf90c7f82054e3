namespace Segmentation.Api.Tests.Segments;

/// <summary>Rules and bodies of segments, as JSON.</summary>
internal static class RuleJson
{
    public const string Everyone = """{"combinator":"and","rules":[]}""";

    public static string All(params string[] rules) => $$"""{"combinator":"and","rules":[{{string.Join(",", rules)}}]}""";

    public static string Any(params string[] rules) => $$"""{"combinator":"or","rules":[{{string.Join(",", rules)}}]}""";

    /// <param name="value">JSON.</param>
    public static string Is(string field, string op, string? value = null) =>
        $$"""{"field":"{{field}}","operator":"{{op}}"{{(value is null ? "" : $",\"value\":{value}")}}}""";

    public static string In(params string[] keys) => Is("segment", "in", $"[{string.Join(",", keys.Select(k => $"\"{k}\""))}]");

    /// <param name="more">Further properties, as JSON.</param>
    public static string Body(string rule, string? more = null) => $$"""{"rule":{{rule}}{{(more is null ? "" : "," + more)}}}""";
}
