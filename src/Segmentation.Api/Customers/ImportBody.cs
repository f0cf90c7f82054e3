using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>A file of customers, as requests bring it.</summary>
/// <param name="Content">In UTF-8.</param>
internal sealed record ImportBody(Stream Content, bool Csv)
{
    /// <summary>What a request must be, for error texts and the document.</summary>
    public const string Requirement =
        "Send the file with Content-Type: text/csv or application/x-ndjson "
        + "(curl --data-binary @customers.csv -H 'Content-Type: text/csv'), or as a form (curl -F file=@customers.csv).";

    /// <summary>The request's file: its body, or the first file of a form.</summary>
    /// <exception cref="ApiProblem">415: the media type or the charset is not taken; 400: a form without a file.</exception>
    public static async Task<ImportBody> OpenAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.MediaType() == MediaTypes.Form)
        {
            return await OpenFormAsync(request, cancellation);
        }

        var csv = IsCsv(request.MediaType()) ?? throw new ApiProblem(StatusCodes.Status415UnsupportedMediaType, Requirement);
        return new ImportBody(await OpenTextAsync(request.Body, csv, request.Charset(), cancellation), csv);
    }

    private static async Task<ImportBody> OpenFormAsync(HttpRequest request, CancellationToken cancellation)
    {
        var boundary = HeaderUtilities.RemoveQuotes(MediaTypeHeaderValue.Parse(request.ContentType).Boundary).Value;
        if (string.IsNullOrEmpty(boundary))
        {
            throw new ApiProblem(StatusCodes.Status415UnsupportedMediaType, $"A form has no boundary. {Requirement}");
        }

        var form = new MultipartReader(boundary, request.Body);
        try
        {
            while (await form.ReadNextSectionAsync(cancellation) is { } section)
            {
                if (section.GetContentDispositionHeader() is { } disposition && disposition.IsFileDisposition())
                {
                    _ = MediaTypeHeaderValue.TryParse(section.ContentType, out var type);
                    var charset = CaseNormalizer.Normalize(HeaderUtilities.RemoveQuotes(type?.Charset ?? default).Value);
                    var name = disposition.FileNameStar.Value ?? HeaderUtilities.RemoveQuotes(disposition.FileName).Value ?? "";
                    var csv = IsCsv(CaseNormalizer.Normalize(type?.MediaType.Value)) ?? IsCsvFile(name);
                    var body = new FormFile(section.Body);
                    return new ImportBody(
                        await OpenTextAsync(body, csv, string.IsNullOrEmpty(charset) ? null : charset, cancellation), csv);
                }
            }
        }
        catch (Exception malformed) when (malformed is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw ApiProblem.Invalid("", "The form can't be read: it ends before its last boundary, or a part of it is malformed.");
        }

        throw ApiProblem.Invalid("file", $"The form has no file. {Requirement}");
    }

    private static ValueTask<Stream> OpenTextAsync(Stream body, bool csv, string? charset, CancellationToken cancellation) =>
        csv || charset is null or "utf-8" or "utf8" || charset.StartsWith("utf-16", StringComparison.Ordinal)
            ? TextBody.OpenAsync(body, charset, cancellation)
            : throw new ApiProblem(
                StatusCodes.Status415UnsupportedMediaType, "The charset of NDJSON must be utf-8 or utf-16, or be left out.");

    // Null: neither.
    private static bool? IsCsv(string? type) => type switch
    {
        MediaTypes.Csv or "application/csv" or "text/tab-separated-values" => true,
        MediaTypes.Ndjson or "application/ndjson" or "application/jsonl" => false,
        _ => null,
    };

    // What tools and browsers say of a file's type is often nothing, or Excel.
    private static bool IsCsvFile(string name) => CaseNormalizer.Normalize(Path.GetExtension(name)) switch
    {
        ".csv" or ".tsv" or ".txt" => true,
        ".ndjson" or ".jsonl" or ".json" => false,
        _ => throw new ApiProblem(
            StatusCodes.Status415UnsupportedMediaType,
            $"A file of a form must be .csv, .tsv, .txt, .ndjson or .jsonl, or have such a Content-Type. {Requirement}"),
    };

    // A form that breaks off is its sender's fault.
    private sealed class FormFile(Stream section) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await section.ReadAsync(buffer, cancellationToken);
            }
            catch (Exception malformed) when (malformed is InvalidDataException or IOException and not BadHttpRequestException)
            {
                throw ApiProblem.Invalid("", "The form ends before its last boundary.");
            }
        }
    }
}
