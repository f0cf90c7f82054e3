using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.ModelBinding;

namespace Segmentation.Api.Http;

/// <summary>Marks an action that reads its body itself, and judges its media type.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ReadsBodyAttribute : Attribute, IFilterMetadata;

/// <summary>Marks an action that can't be undone, and takes no body: whoever sends one means something else by it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RefusesBodyAttribute : Attribute, IFilterMetadata;

/// <summary>
/// Refuses a body that an address does not take. JSON is let pass unread, but where nothing is (<see cref="RefusesBodyAttribute"/>):
/// clients send <c>{}</c> out of habit, and pages of other sites can't send it without asking.
/// </summary>
internal sealed class UnreadBodyFilter : IResourceFilter
{
    public void OnResourceExecuting(ResourceExecutingContext context)
    {
        if (context.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true
            && (context.HttpContext.Request.MediaType() != MediaTypes.Json || context.Filters.OfType<RefusesBodyAttribute>().Any())
            && !context.ActionDescriptor.Parameters.Any(p => p.BindingInfo?.BindingSource == BindingSource.Body)
            && !context.Filters.OfType<ReadsBodyAttribute>().Any())
        {
            throw new ApiProblem(StatusCodes.Status415UnsupportedMediaType, "This address takes no body: leave it out.");
        }
    }

    public void OnResourceExecuted(ResourceExecutedContext context)
    {
    }
}
