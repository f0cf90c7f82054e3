using System.Text.Json;

namespace Segmentation.Rules.Tests;

/// <summary>JSON as the tables of these tests write it: with ' for ".</summary>
public static class Json
{
    public static JsonElement Parse(string json) => JsonDocument.Parse(json.Replace('\'', '"')).RootElement;

    public static string Group(params IEnumerable<string> rules) => $"{{'combinator':'and','rules':[{string.Join(",", rules)}]}}";

    public static string Any(params IEnumerable<string> rules) => $"{{'combinator':'or','rules':[{string.Join(",", rules)}]}}";

    public static string Not(params IEnumerable<string> rules) => $"{{'combinator':'and','not':true,'rules':[{string.Join(",", rules)}]}}";

    public static string Rule(string field, string op, string? value = null, string? more = null) =>
        $"{{'field':'{field}','operator':'{op}'{(value is null ? "" : $",'value':{value}")}{(more is null ? "" : $",{more}")}}}";

    public static string Events(string match, params IEnumerable<string> rules) =>
        Rule("behavioral.events", "=", Group(rules), $"'match':{match}");

    public static string Relative(string anchor, int offset, string unit) =>
        $"{{'mode':'relative','anchor':'{anchor}','offset':{offset},'unit':'{unit}'}}";
}
