using Microsoft.AspNetCore.Mvc;

namespace Segmentation.Api.Idempotency;

/// <summary>An answer as it is kept, and given.</summary>
/// <param name="IsReplay">It was given before.</param>
internal sealed record KeptAnswer(int Status, string? Location, string? EntityTag, string? MediaType, byte[] Body, bool IsReplay = false)
    : IActionResult
{
    private const string Replayed = "Idempotency-Replayed";

    /// <summary>What some writer of an answer writes, without sending it. Its headers stay on the response.</summary>
    public static async Task<KeptAnswer> WriteAsync(HttpContext context, Func<Task> write)
    {
        var response = context.Response;
        var (body, memory) = (response.Body, new MemoryStream());
        response.Body = memory;
        try
        {
            await write();
            await response.BodyWriter.FlushAsync(context.RequestAborted);
        }
        finally
        {
            response.Body = body;
        }

        return new KeptAnswer(
            response.StatusCode, response.Headers.Location, response.Headers.ETag, response.ContentType, memory.ToArray());
    }

    public async Task ExecuteResultAsync(ActionContext context)
    {
        var response = context.HttpContext.Response;
        response.StatusCode = Status;
        response.Headers.Location = Location;
        response.Headers.ETag = EntityTag;
        if (IsReplay)
        {
            response.Headers[Replayed] = "true";
        }

        if (Body.Length > 0)
        {
            response.ContentType = MediaType;
            response.ContentLength = Body.Length;
            await response.Body.WriteAsync(Body, context.HttpContext.RequestAborted);
        }
    }
}
