using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Segmentation.Api.Http;

/// <summary>
/// Optimistic concurrency and revalidation over HTTP. An ETag is the version of what the caller may change, and a mark of all that is
/// shown: <c>"3-9f86d081"</c>. A write compares versions alone, since what events add is nobody's to overwrite; a read compares it all.
/// </summary>
public static class ETags
{
    public static void SetETag(this HttpResponse response, int version) => response.Headers.ETag = $"\"{version}\"";

    /// <summary>
    /// Refuses the write when <c>If-Match</c> names other versions than the present one, or <c>If-None-Match</c> names the present one.
    /// </summary>
    /// <exception cref="ApiProblem">412; 400: what is there is no ETag.</exception>
    /// <param name="version">The present version; null when there is no such resource.</param>
    public static void CheckIfMatch(this HttpRequest request, int? version)
    {
        var headers = request.GetTypedHeaders();
        CheckForm("If-Match", request.Headers.IfMatch, headers.IfMatch);
        CheckForm("If-None-Match", request.Headers.IfNoneMatch, headers.IfNoneMatch);
        if (request.Headers.IfMatch.Count > 0 && !Names(headers.IfMatch, version))
        {
            throw ApiProblem.Stale();
        }

        if (request.Headers.IfNoneMatch.Count > 0 && Names(headers.IfNoneMatch, version))
        {
            throw new ApiProblem(
                StatusCodes.Status412PreconditionFailed, "It is there already: If-None-Match: * creates it only where it is not.");
        }
    }

    private static void CheckForm(string header, StringValues sent, IList<EntityTagHeaderValue> tags)
    {
        if (tags.Count == 0 && !StringValues.IsNullOrEmpty(sent))
        {
            throw ApiProblem.Invalid(header, $"{header} must be an ETag as it was answered, with its quotation marks, or *.");
        }
    }

    // "3" and "3-9f86d081" are the same version.
    private static bool Names(IList<EntityTagHeaderValue> tags, int? version) => version is not null
        && tags.Any(tag => tag.Equals(EntityTagHeaderValue.Any)
            || (!tag.IsWeak && tag.Tag.AsSpan().Trim('"') is var text && text[..(text.IndexOf('-') is var end and >= 0 ? end : text.Length)]
                .SequenceEqual($"{version}")));

    /// <summary>
    /// Adds to the ETag of a resource that is answered the mark of what is shown, and answers 304 to a read that names it in
    /// <c>If-None-Match</c>.
    /// </summary>
    internal sealed class Filter : IResultFilter
    {
        public void OnResultExecuting(ResultExecutingContext context)
        {
            var (request, response) = (context.HttpContext.Request, context.HttpContext.Response);
            if (response.Headers.ETag is not [{ } version] || context.Result is not ObjectResult { Value: { } value })
            {
                return;
            }

            var tag = $"{version[..^1]}-{Mark(value)}\"";
            response.Headers.ETag = tag;
            if (HttpMethods.IsGet(request.Method)
                && request.GetTypedHeaders().IfNoneMatch.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Tag == tag))
            {
                context.Result = new StatusCodeResult(StatusCodes.Status304NotModified);
            }
        }

        public void OnResultExecuted(ResultExecutedContext context)
        {
        }

        // When it was looked at changes with every look, and says nothing of what was seen.
        private static string Mark(object value)
        {
            var shown = JsonSerializer.SerializeToNode(value, Json.Options) as JsonObject;
            shown?.Remove("evaluatedAt");
            return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(shown)).AsSpan(0, 8));
        }
    }
}
