using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace Segmentation.Api.Http;

/// <summary>
/// Opens files of text in the encodings that people have: UTF-8, UTF-16 and Windows-1252, with a byte order mark or without.
/// </summary>
internal static class TextBody
{
    private const int HeadLength = 4;
    private const string Labels = "utf-8, utf-16 or windows-1252";

    /// <summary>The body as UTF-8. A byte order mark outweighs what the request says.</summary>
    /// <param name="charset">The request's, in lower case; null where it has none.</param>
    /// <exception cref="ApiProblem">415: no such encoding is taken.</exception>
    public static async ValueTask<Stream> OpenAsync(Stream body, string? charset, CancellationToken cancellation)
    {
        var named = Find(charset);
        var pipe = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 64 * 1024));
        var begun = (await pipe.ReadAtLeastAsync(HeadLength, cancellation)).Buffer;
        var encoding = FromHead(begun.Slice(0, Math.Min(begun.Length, HeadLength)).ToArray()) ?? named;
        pipe.AdvanceTo(begun.Start);
        var whole = pipe.AsStream();
        return encoding is UTF8Encoding ? whole
            : new Recoded(Encoding.CreateTranscodingStream(whole, encoding, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)));
    }

    // The labels of the WHATWG standard, which every browser follows: what says that it is ISO 8859-1 is Windows-1252.
    private static Encoding Find(string? charset) => charset switch
    {
        null or "utf-8" or "utf8" => Encoding.UTF8,
        "utf-16" or "utf-16le" or "unicode" or "ucs-2" => Utf16(bigEndian: false),
        "utf-16be" => Utf16(bigEndian: true),
        "windows-1252" or "cp1252" or "x-cp1252" or "iso-8859-1" or "iso8859-1" or "iso_8859-1" or "latin1" or "ascii" or "us-ascii" =>
            CodePagesEncodingProvider.Instance.GetEncoding(1252)!,
        _ => throw new ApiProblem(StatusCodes.Status415UnsupportedMediaType, $"The body's charset must be {Labels}, or be left out."),
    };

    // A mark; or a NUL, which no file of text begins with, beside its first letter.
    private static Encoding? FromHead(ReadOnlySpan<byte> head) => head switch
    {
        [0xEF, 0xBB, 0xBF, ..] => Encoding.UTF8,
        [0xFF, 0xFE, ..] or [not 0, 0, ..] => Utf16(bigEndian: false),
        [0xFE, 0xFF, ..] or [0, not 0, ..] => Utf16(bigEndian: true),
        _ => null,
    };

    // What is no text ends the reading: a replacement would be stored in its place.
    private static UnicodeEncoding Utf16(bool bigEndian) => new(bigEndian, byteOrderMark: false, throwOnInvalidBytes: true);

    private sealed class Recoded(Stream utf8) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await utf8.ReadAsync(buffer, cancellationToken);
            }
            catch (DecoderFallbackException)
            {
                throw ApiProblem.Invalid("", "The file is not valid UTF-16, in which it begins: half a character is in it.");
            }
        }
    }
}
