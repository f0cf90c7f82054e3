using System.Net.Http.Headers;
using System.Text.Json;
using Segmentation.Api.Endpoints.OpenApi;

namespace Segmentation.Api.Tests;

/// <summary>One example of the document: an operation with values for what it needs, and one optional parameter or none.</summary>
internal sealed record Example(string Id, string Method, string Address, string? MediaType, string? Body, JsonElement Operation)
{
    public override string ToString() => $"{Method} {Address} {Body}";

    public HttpRequestMessage CreateRequest() => new(new HttpMethod(Method), Address)
    {
        Content = Body is null ? null : new StringContent(Body, new MediaTypeHeaderValue(MediaType!)),
    };

    /// <summary>All examples of an operation: each body by itself, and each optional parameter with the first body of each media type.
    /// With all of them, analyses of a whole sample would be asked for a dozen times, and wait for each other.</summary>
    public static IEnumerable<Example> List(string path, string method, JsonElement operation)
    {
        var id = operation.GetProperty("operationId").GetString()!;
        var parameters = operation.TryGetProperty("parameters", out var p) ? p.EnumerateArray().ToList() : [];
        var address = parameters.Where(x => In(x) == "path").Aggregate(path, (a, x) =>
            a.Replace($"{{{Name(x)}}}", Uri.EscapeDataString(x.GetProperty("example").ToString()), StringComparison.Ordinal));
        var needed = parameters.Where(x => In(x) == "query" && x.TryGetProperty("required", out var r) && r.GetBoolean()).ToList();
        var fixedQuery = string.Concat(needed.Select(x => $"&{Name(x)}={Uri.EscapeDataString(x.GetProperty("example").ToString())}"));
        var queries = from parameter in parameters.Except(needed)
                      where In(parameter) == "query"
                      let value = SwaggerExamples.Parameter(id, Name(parameter))
                      where value is not null
                      select $"{fixedQuery}&{Name(parameter)}={Uri.EscapeDataString(value.ToString())}";
        var bodies = Bodies(operation).ToList();
        return from query in queries.Prepend(fixedQuery)
               from body in query == fixedQuery ? bodies : bodies.DistinctBy(b => b.MediaType)
               select new Example(id, method, address + (query.Length == 0 ? "" : $"?{query[1..]}"), body.MediaType, body.Text, operation);

        static string In(JsonElement parameter) => parameter.GetProperty("in").GetString()!;
        static string Name(JsonElement parameter) => parameter.GetProperty("name").GetString()!;
    }

    private static IEnumerable<(string? MediaType, string? Text)> Bodies(JsonElement operation)
    {
        if (!operation.TryGetProperty("requestBody", out var body))
        {
            return [(null, null)];
        }

        // One media type's examples, where another has the same.
        return from content in body.GetProperty("content")
            .EnumerateObject()
            .Where(c => c.Name != "multipart/form-data") // A chosen file.
            .DistinctBy(c => c.Value.TryGetProperty("examples", out var e) ? e.ToString() : c.Name)
               from text in content.Value.TryGetProperty("example", out var one)
                   ? [one.GetString()!]
                   : content.Value.GetProperty("examples").EnumerateObject().Select(e => e.Value.GetProperty("value").GetRawText())
               select ((string?)content.Name, (string?)text);
    }
}
