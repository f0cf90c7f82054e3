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

    public override async Task<InputFormatterResult> ReadRequestBodyAsync(InputFormatterContext context, Encoding encoding)
    {
        var body = await ReadAsync(context.HttpContext.Request.Body, context.ModelType, context.HttpContext.RequestAborted);
        return await InputFormatterResult.SuccessAsync(body!);
    }

    /// <summary>Reads one JSON value.</summary>
    /// <exception cref="ApiProblem">It is not JSON, or not of the right form.</exception>
    public static async ValueTask<object?> ReadAsync(Stream body, Type type, CancellationToken cancellation)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(body, type, Json.Options, cancellation)
                ?? throw ApiProblem.Invalid("", "The body is null; it must be a JSON object.");
        }
        catch (JsonException malformed)
        {
            throw Json.Problem(malformed, type);
        }
        catch (Exception undecodable)
            when (undecodable is DecoderFallbackException or InvalidOperationException { Source: "System.Text.Json" })
        {
            throw ApiProblem.Invalid("", "The body is not valid UTF-8.");
        }
    }
}
