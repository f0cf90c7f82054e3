using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.ModelBinding;

namespace Segmentation.Api.Http;

/// <summary>Marks an action that reads its body itself, and judges its media type.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ReadsBodyAttribute : Attribute, IFilterMetadata;

/// <summary>Marks an action that can't be undone and takes no body: whoever sends one but <c>{}</c> means something else by it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RefusesBodyAttribute : Attribute, IFilterMetadata;

/// <summary>
/// Refuses a body that an address does not take. JSON is let pass unread, but where it is refused (<see cref="RefusesBodyAttribute"/>):
/// clients send <c>{}</c> out of habit, and pages of other sites can't send it without asking.
/// </summary>
internal sealed class UnreadBodyFilter : IAsyncResourceFilter
{
    // Of a habit, with some blanks.
    private const int MostRead = 16;

    public async Task OnResourceExecutionAsync(ResourceExecutingContext context, ResourceExecutionDelegate next)
    {
        var request = context.HttpContext.Request;
        if (context.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true
            && !context.ActionDescriptor.Parameters.Any(p => p.BindingInfo?.BindingSource == BindingSource.Body)
            && !context.Filters.OfType<ReadsBodyAttribute>().Any()
            && (request.MediaType() != MediaTypes.Json
                || (context.Filters.OfType<RefusesBodyAttribute>().Any() && !await IsEmptyAsync(request))))
        {
            throw new ApiProblem(StatusCodes.Status415UnsupportedMediaType, "This address takes no body: leave it out.");
        }

        await next();
    }

    private static async Task<bool> IsEmptyAsync(HttpRequest request)
    {
        var read = new byte[MostRead + 1];
        var length = await request.Body.ReadAtLeastAsync(read, read.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
        var text = Encoding.Latin1.GetString(read, 0, length);
        return length <= MostRead && string.Concat(text.Split()) is ("" or "{}");
    }
}
