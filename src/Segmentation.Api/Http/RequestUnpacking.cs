using System.IO.Compression;
using Microsoft.AspNetCore.Http.Features;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Http;

/// <summary>
/// Takes bodies that are packed (<c>Content-Encoding: gzip</c> or <c>br</c>), on every route. Limits of size count the unpacked bytes.
/// </summary>
/// <remarks>
/// ASP.NET Core's own (RequestDecompression) holds a route whose limit is disabled to the server's, lets codings pass that it does not
/// know, and leaves a malformed body to whoever reads it.
/// </remarks>
internal static class RequestUnpacking
{
    /// <summary>Unpacked bytes at most, where a route has no limit of its own: few packed bytes must not become endless work.</summary>
    public const long MaxBytes = 8L * 1024 * 1024 * 1024;

    private const string Encodings = "gzip, br";

    public static void UseRequestUnpacking(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        var encoding = CaseNormalizer.Normalize(context.Request.Headers.ContentEncoding.ToString().Trim());
        if (encoding is "" or "identity")
        {
            if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
            {
                context.Request.Body = new NotPacked(context.Request.Body);
            }

            await next(context);
            return;
        }

        if (encoding is not ("gzip" or "x-gzip" or "br"))
        {
            context.Response.Headers.AcceptEncoding = Encodings;
            await ApiExceptionHandler.WriteAsync(
                context,
                new ApiProblem(StatusCodes.Status415UnsupportedMediaType, "Content-Encoding must be gzip or br, or be left out."),
                context.RequestAborted);
            return;
        }

        var packed = context.Request.Body;
        await using Stream unpacked = encoding == "br"
            ? new BrotliStream(packed, CompressionMode.Decompress, leaveOpen: true)
            : new GZipStream(packed, CompressionMode.Decompress, leaveOpen: true);
        context.Request.Headers.ContentEncoding = default;
        context.Request.Body = new Unpacked(unpacked, encoding, context.Features.Get<IHttpMaxRequestBodySizeFeature>());
        try
        {
            await next(context);
        }
        finally
        {
            context.Request.Body = packed;
        }
    });

    // Whatever is expected of a body, one that begins as gzip does is none: its sender forgot to say so.
    private sealed class NotPacked(Stream source) : ReadOnlyStream
    {
        private int alike;
        private bool isKnown;

        private static ReadOnlySpan<byte> Gzip => [0x1F, 0x8B];

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await source.ReadAsync(buffer, cancellationToken);
            for (var i = 0; i < read && !isKnown; i++)
            {
                isKnown = buffer.Span[i] != Gzip[alike++];
                if (!isKnown && alike == Gzip.Length)
                {
                    throw ApiProblem.Invalid("", "The body is packed with gzip: send Content-Encoding: gzip with it.");
                }
            }

            return read;
        }
    }

    private sealed class Unpacked(Stream source, string encoding, IHttpMaxRequestBodySizeFeature? limit) : ReadOnlyStream
    {
        private long total;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read;
            try
            {
                read = await source.ReadAsync(buffer, cancellationToken);
            }
            catch (Exception malformed) when (malformed is InvalidDataException or InvalidOperationException)
            {
                throw ApiProblem.Invalid("", $"The body is not valid {encoding}, which Content-Encoding says it is.");
            }

            total += read;
            return total <= (limit?.MaxRequestBodySize ?? MaxBytes) ? read
                : throw new ApiProblem(StatusCodes.Status413PayloadTooLarge, "The body is too large, unpacked.");
        }
    }
}
