using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Formatters;

namespace Segmentation.Api.Http;

/// <summary>Reads JSON bodies, so that every fault is answered with its place and without names of .NET types.</summary>
internal sealed class JsonBodyFormatter : TextInputFormatter
{
    public JsonBodyFormatter()
    {
        SupportedMediaTypes.Add(MediaTypes.Json);
        SupportedMediaTypes.Add(MediaTypes.MergePatch);
        SupportedEncodings.Add(new UTF8Encoding(false, true));
    }

    /// <summary>A merge patch is for PATCH alone.</summary>
    public override bool CanRead(InputFormatterContext context) => base.CanRead(context)
        && (HttpMethods.IsPatch(context.HttpContext.Request.Method) || context.HttpContext.Request.MediaType() == MediaTypes.Json);

    public override async Task<InputFormatterResult> ReadRequestBodyAsync(InputFormatterContext context, Encoding encoding)
    {
        var body = await ReadBytesAsync(context.HttpContext.Request.Body, context.HttpContext.RequestAborted);
        return await InputFormatterResult.SuccessAsync(Read(body.Span, context.ModelType));
    }

    /// <summary>A body that is held in memory, without a byte order mark.</summary>
    /// <param name="maxBytes">Where the request's own limit is a larger one.</param>
    public static async Task<ReadOnlyMemory<byte>> ReadBytesAsync(
        Stream body, CancellationToken cancellation, int maxBytes = int.MaxValue)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int read; (read = await body.ReadAsync(buffer, cancellation)) > 0;)
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > maxBytes)
            {
                throw new ApiProblem(StatusCodes.Status413PayloadTooLarge, "The body is too large.");
            }
        }

        var all = bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
        return all.Span.StartsWith("\uFEFF"u8) ? all[3..] : all;
    }

    /// <summary>Reads a body that is at hand.</summary>
    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    // Everything is checked to be UTF-8 before it is read: a part that is kept as it came would fail when it is stored.
    public static object Read(ReadOnlySpan<byte> body, Type type)
    {
        if (Utf8Text.FindFault(body) is { } fault)
        {
            throw ApiProblem.Invalid("", $"The body is {fault}");
        }

        try
        {
            return JsonSerializer.Deserialize(body, type, Json.Options)
                ?? throw ApiProblem.Invalid("", "The body is null; it must be a JSON object.");
        }
        catch (JsonException malformed)
        {
            throw BodyFaults.Find(malformed, BodyFaults.Parse(body), type);
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            throw ApiProblem.Invalid("", "A string has half a surrogate pair in it.");
        }
    }
}
