using Microsoft.OpenApi;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Finds things in an OpenAPI document.</summary>
internal static class DocumentOperations
{
    /// <summary>All operations, with their paths and methods.</summary>
    public static IEnumerable<(string Path, HttpMethod Method, OpenApiOperation Operation)> Operations(this OpenApiDocument document) =>
        from path in document.Paths
        from operation in path.Value.Operations!
        select (path.Key, operation.Key, operation.Value);

    /// <summary>How many parameters are in the path: 1 for a resource itself, 2 for a part of it.</summary>
    public static int CountPathParameters(this OpenApiOperation operation) =>
        operation.Parameters?.Count(p => p.In == ParameterLocation.Path) ?? 0;

    /// <summary>PUT, PATCH or DELETE of a resource itself.</summary>
    public static bool Writes(this OpenApiOperation operation, string path, HttpMethod method) =>
        operation.CountPathParameters() == 1 && path.EndsWith('}')
        && (method == HttpMethod.Put || method == HttpMethod.Patch || method == HttpMethod.Delete);
}
