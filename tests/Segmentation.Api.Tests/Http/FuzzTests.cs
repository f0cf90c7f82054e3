using System.Text;
using System.Text.Json;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Http;

/// <summary>Whatever is sent: an answer below 500, and a problem where it is one.</summary>
public sealed class FuzzTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Requests = 400;

    private static readonly string[] Ids = ["fuzz", "known", "", " ", ".", "..", "%00", "%2F", "%", "%25", "%ED%A0%80", "%F0%9F%98%80", "'",
        "\"", "a%0A", new string('x', 200), "-1", "0", "null", "A"];

    private static readonly (string Method, string Path)[] Routes =
    [
        .. new[] { "segments", "segments/{id}", "segments/{id}/members", "segments/{id}/members/{id}", "segments/{id}/count",
            "segments/{id}/explain/{id}", "segments/{id}/versions", "segments/{id}/versions/{id}/restore", "segments/{id}/clone",
            "segments/preview", "segments/validate", "segments/compile", "fields", "fields/{id}/values", "fields/customer.email/values",
            "attributes", "attributes/{id}", "customers", "customers/{id}", "customers/import", "customers/export",
            "customers/{id}/events", "customers/{id}/segments", "events",
            "segments/{id}/changes", "customers/{id}/changes", "segments/{id}/trend", "segments/{id}/flows", "segments/overlap",
            "segments/combine" }
            .SelectMany(p => new[] { "GET", "PUT", "POST", "PATCH", "DELETE" }.Select(m => (m, p))),
    ];

    private static readonly string[] Bodies =
    [
        "", "{}", "[]", "null", "true", "1e400", "\"x\"", "{", "}{", "\0", "{\"key\":\"fuzz\"}", "{\"key\":null}", "{\"rule\":null}",
        "{\"rule\":{}}", "{\"rule\":{\"combinator\":\"and\",\"rules\":[]}}",
        "{\"rule\":{\"combinator\":\"and\",\"rules\":[]},\"asOf\":\"0001-01-01T00:00:00Z\",\"timeZone\":\"Pacific/Apia\"}",
        "{\"rule\":{\"combinator\":\"and\",\"rules\":[{\"field\":\"demographic.age\",\"operator\":\">\",\"value\":1e28}]}}",
        """
        {"rule":{"combinator":"and","rules":[{"field":"demographic.age","operator":">",
        "value":79228162514264337593543950335}]}}
        """,
        """
        {"rule":{"combinator":"and","rules":[{"field":"value.averageOrderValue","operator":">",
        "value":79228162514264337593543950335}]}}
        """,
        """
        {"rule":{"combinator":"and","rules":[{"field":"value.percentile","operator":">=",
        "value":-79228162514264337593543950335}]}}
        """,
        """
        {"rule":{"combinator":"and","rules":[{"field":"behavioral.events","operator":"=","match":{"mode":"atLeast",
        "aggregate":"avg","of":"amount","threshold":79228162514264337593543950335},"value":{"combinator":"and",
        "rules":[]}}]}}
        """,
        """
        {"rule":{"combinator":"and","rules":[{"field":"behavioral.events","operator":"=","match":{"mode":"atLeast",
        "aggregate":"distinct","of":"properties.a","threshold":2147483646},"value":{"combinator":"and",
        "rules":[{"field":"occurredAt","operator":">","value":{"mode":"relative","anchor":"endOfYear",
        "offset":2147483647,"unit":"year"}}]}}]}}
        """,
        "{\"keys\":[\"known\",\"manual\"]}",
        "{\"keys\":[\"known\",\"\\u0000\"],\"operation\":\"union\"}",
        "{\"keys\":[\"known\",\"manual\"],\"operation\":\"difference\",\"save\":{\"key\":\"fuzzed\",\"name\":\"\\ud800\"}}",
        "{\"add\":[null]}", "{\"add\":[\"fuzz\",\"\\ud800\"]}", "{\"remove\":\"x\"}", "{\"\\ud800\":1}", "{\"a\":1,\"a\":2}",
        "{\"type\":\"text\",\"kind\":\"value\"}", "{\"type\":\"set\",\"kind\":\"value\",\"values\":[\"\\u0000\"]}", "{\"kind\":\"manual\"}",
        "{\"key\":\"fuzz\",\"kind\":\"manual\"}",
        "{\"type\":\"text\",\"kind\":\"value\",\"label\":\"\\udfff\"}", "{\"tags\":[[]]}", "{\"name\":{\"a\":{\"b\":{}}}}",
        "{\"id\":\"fuzz\",\"attributes\":{\"x\":[[[[1]]]]}}", "{\"demographic\":{\"income\":1e-30}}",
        "{\"geographic\":{\"location\":{\"latitude\":1e308}}}", "{\"customerId\":\"fuzz\",\"type\":\"x\",\"properties\":{\"a\":1e999}}",
        "{\"rule\":" + new string('[', 70) + new string(']', 70) + "}",
        "{\"rule\":{\"combinator\":\"and\",\"rules\":" + string.Concat(Enumerable.Repeat("[{\"rules\":", 25)) + "1"
            + string.Concat(Enumerable.Repeat("}]", 25)) + "}}",
    ];

    private static readonly string[] Queries = ["", "?limit=0", "?limit=-5", "?limit=99999999999", "?cursor=%00", "?cursor=e30",
        "?cursor=WzFd", "?cursor=WyJhIl0", "?cursor=W10", "?cursor=Wy0xXQ", "?cursor=WzllOTldo", "?asOf=0001-01-01T00:00:00Z",
        "?asOf=9999-12-31T23:59:59.9999999Z", "?asOf=x", "?status=7", "?q=%25%5C", "?prefix=%F0%9F%98%80", "?fields=id",
        "?createCustomers=maybe", "?email=%00", "?tag=a%00", "?from=0002-01-01T00:00:00Z", "?to=9998-12-31T23:59:59.999999Z&interval=week",
        "?change=left&cause=7", "?cursor=WzksOSw5XQ", "?cursor=WzksOV0", "?since=9998-12-31T00:00:00Z", "?until=0002-01-01T00:00:00Z",
        "?to=known"];

    private static readonly string[] Types = ["application/json", "application/json", "application/json", "application/merge-patch+json",
        "application/x-ndjson", "text/csv", "text/plain", "application/json; charset=latin1", "application/json; charset=utf-8; charset=x"];

    [Fact]
    public async Task Anything_IsNever500()
    {
        var api = fixture.Api;
        var random = new Random(7);
        (await api.PutAsync("segments/known", RuleJson.Body(RuleJson.Everyone))).Expect(201);
        (await api.PutAsync("segments/manual", "{\"kind\":\"manual\"}")).Expect(201);
        (await api.PutAsync("customers/known", "{}")).Expect(201);
        List<string> wrong = [];
        string Pick(string[] from) => from[random.Next(from.Length)];
        for (var i = 0; i < Requests; i++)
        {
            var (method, path) = Routes[random.Next(Routes.Length)];
            while (path.Contains("{id}", StringComparison.Ordinal))
            {
                var at = path.IndexOf("{id}", StringComparison.Ordinal);
                path = string.Concat(
                    path.AsSpan(0, at), random.Next(3) == 0 ? Pick(Ids) : random.Next(2) == 0 ? "known" : "manual", path.AsSpan(at + 4));
            }

            path += Pick(Queries);
            var body = Encoding.UTF8.GetBytes(Pick(Bodies));
            if (random.Next(8) == 0 && body.Length > 0)
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }

            var type = Pick(Types);
            (string, string)[] headers = random.Next(4) switch
            {
                0 => [
                ("If-Match", Pick(["\"1\"", "x", "*", "W/\"1\"", "\"", ""]))
            ],
                1 => [("Accept", Pick(["text/csv", "application/x-ndjson", "image/png", "*/*", "nonsense", ";"]))],
                _ => []
            };
            var sent =
                $"{method} {path} [{type}] {string.Join(',', headers)} {Encoding.UTF8.GetString(body)[..Math.Min(200, body.Length)]}";
            Answer answer;
            try
            {
                answer = await api.SendAsync(method, path, method is "GET" or "DELETE" ? null : body, type, headers);
            }
            catch (UriFormatException)
            {
                continue;
            }

            if (answer.Status >= 500)
            {
                wrong.Add($"{answer.Status}: {sent}");
            }
            else if (answer.Status is >= 400 and not 404 && (answer.ContentType != "application/problem+json"
                || JsonSerializer.Deserialize<JsonElement>(answer.Body).GetProperty("status").GetInt32() != answer.Status)
                && !path.Contains("%00", StringComparison.Ordinal))
            {
                wrong.Add($"{answer.Status} {answer.ContentType}: {sent}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
