using Microsoft.Net.Http.Headers;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Http;

/// <summary>What a body says that it is, and what an answer is asked to be.</summary>
internal static class MediaTypes
{
    public const string Json = "application/json";
    public const string MergePatch = "application/merge-patch+json";
    public const string Problem = "application/problem+json";
    public const string Csv = "text/csv";
    public const string Markdown = "text/markdown";
    public const string Form = "multipart/form-data";
    public const string Ndjson = "application/x-ndjson";

    /// <summary>The body's media type in lower case, without its parameters; null when none is given.</summary>
    public static string? MediaType(this HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? CaseNormalizer.Normalize(type.MediaType.Value) : null;

    /// <summary>The body's <c>charset</c> in lower case; null when none is given.</summary>
    public static string? Charset(this HttpRequest request) => MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && HeaderUtilities.RemoveQuotes(type.Charset).Value is { Length: > 0 } charset ? CaseNormalizer.Normalize(charset) : null;

    /// <summary>Refuses a JSON body that says it is not UTF-8.</summary>
    /// <exception cref="ApiProblem">415.</exception>
    public static void CheckUtf8(this HttpRequest request)
    {
        if (request.Charset() is not (null or "utf-8" or "utf8"))
        {
            throw new ApiProblem(StatusCodes.Status415UnsupportedMediaType, "The body's charset must be utf-8, or be left out.");
        }
    }

    /// <summary>The media type that <c>Accept</c> asks for, by its weights; the first where it is all the same.</summary>
    /// <param name="offered">What there is, the usual one first.</param>
    /// <exception cref="ApiProblem">406: none of them.</exception>
    public static string Negotiate(this HttpRequest request, params string[] offered)
    {
        var accepted = request.GetTypedHeaders().Accept;
        if (accepted.Count == 0)
        {
            return offered[0];
        }

        // The most exact range speaks for a type: "*/*;q=0.1, text/csv;q=0" excludes CSV.
        var best = offered
            .Select(type => accepted.Index().Where(a => Fits(a.Item, type)).OrderByDescending(a => Exactness(a.Item))
                .Select(a => (Type: type, Weight: a.Item.Quality ?? 1, Exactness: Exactness(a.Item), a.Index)).FirstOrDefault())
            .Where(match => match.Weight > 0)
            .OrderByDescending(match => match.Weight).ThenByDescending(match => match.Exactness).ThenBy(match => match.Index)
            .FirstOrDefault();
        return best.Type ?? throw new ApiProblem(
            StatusCodes.Status406NotAcceptable, $"Accept excludes what there is here: {string.Join(", ", offered)}.");
    }

    /// <summary>Whether CSV is asked for as it is: <c>Accept: text/csv; formulas=raw</c>.</summary>
    public static bool AsksForRawFormulas(this HttpRequest request) => request.GetTypedHeaders().Accept.Any(type =>
        Fits(type, Csv) && type.Parameters.Any(p => p.Name.Equals("formulas", StringComparison.OrdinalIgnoreCase)
            && p.Value.Equals("raw", StringComparison.OrdinalIgnoreCase)));

    private static bool Fits(MediaTypeHeaderValue range, string type) => range.MatchesAllTypes
        || (range.MatchesAllSubTypes && type.StartsWith($"{range.Type}/", StringComparison.OrdinalIgnoreCase))
        || range.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase);

    private static int Exactness(MediaTypeHeaderValue range) => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2;
}
