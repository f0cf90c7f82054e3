using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.ModelBinding;

namespace Segmentation.Api.Http;

/// <summary>Marks an action that reads its body itself, and judges its media type.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ReadsBodyAttribute : Attribute, IFilterMetadata;

/// <summary>
/// Refuses a body that an address does not take. JSON is let pass unread: clients send <c>{}</c> out of habit, and pages of other sites
/// can't send it without asking.
/// </summary>
internal sealed class UnreadBodyFilter : IResourceFilter
{
    public void OnResourceExecuting(ResourceExecutingContext context)
    {
        if (context.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true
            && context.HttpContext.Request.MediaType() != MediaTypes.Json
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
