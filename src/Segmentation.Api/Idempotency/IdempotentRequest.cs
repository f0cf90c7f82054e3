using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;
using Segmentation.Api.Access;
using Segmentation.Api.Http;

namespace Segmentation.Api.Idempotency;

/// <summary>A request that has an idempotency key.</summary>
/// <param name="ScopeHash">Who sent it, its method, path, query and key.</param>
/// <param name="Fingerprint">Its body's bytes and media type, and what its sender may see: an answer is for whoever may see as much.
/// </param>
/// <param name="Mentions">Hashes of the texts in its path and, unless it is large, in its body.</param>
internal sealed record IdempotentRequest(byte[] ScopeHash, byte[] Fingerprint, long[] Mentions)
{
    public const string Header = "Idempotency-Key";
    public const int KeyMaxLength = 255;

    // Nothing that is kept in memory to be answered is larger: an array of events.
    private const long MaxBodyBytes = 16 * 1024 * 1024;
    private const int SmallBody = 64 * 1024;

    /// <summary>Reads the whole body, so that no transaction waits for it, and leaves it to be read again.</summary>
    /// <exception cref="ApiProblem">400: the key is malformed.</exception>
    public static async Task<IdempotentRequest> ReadAsync(HttpContext context, CancellationToken cancellation)
    {
        var (request, caller) = (context.Request, context.Caller);
        var key = ReadKey(request);
        var size = context.Features.Get<IHttpMaxRequestBodySizeFeature>();
        if (size is { IsReadOnly: false } && !(size.MaxRequestBodySize <= MaxBodyBytes))
        {
            size.MaxRequestBodySize = MaxBodyBytes;
        }

        request.EnableBuffering(SmallBody);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(
            $"{request.MediaType()}\n{caller.Has(Scopes.CustomersRead)} {caller.Has(Scopes.Privacy)}\n"));
        var (start, buffer) = (new MemoryStream(), new byte[SmallBody]);
        for (int read; (read = await request.Body.ReadAsync(buffer, cancellation)) > 0;)
        {
            hash.AppendData(buffer, 0, read);
            start.Write(buffer, 0, start.Length <= SmallBody ? read : 0);
        }

        request.Body.Position = 0;

        // The hash of a large body can't be tried out for whom it is about.
        var texts = start.Length <= SmallBody ? Idempotency.Mentions.In(start.ToArray()) : [];
        var path = request.RouteValues.Where(r => r.Key is not ("controller" or "action")).Select(r => r.Value).OfType<string>()
            .SelectMany(Idempotency.Mentions.Hashes);
        return new IdempotentRequest(
            SHA256.HashData(Encoding.UTF8.GetBytes(
                string.Join('\n', caller.Kind, caller.Id, request.Method, request.GetEncodedPathAndQuery(), key))),
            hash.GetHashAndReset(),
            [.. texts.Concat(path).Distinct()]);
    }

    private static string ReadKey(HttpRequest request)
    {
        var values = request.Headers[Header];
        var key = values is [{ Length: > 0 } one] ? one.Trim() : "";
        key = key is ['"', .. var quoted, '"'] ? quoted : key;
        return key.Length is > 0 and <= KeyMaxLength && key.All(c => c is > ' ' and <= '~')
            ? key
            : throw ApiProblem.Invalid(Header, $"{Header} must be one of 1 to {KeyMaxLength} visible ASCII characters.");
    }
}
