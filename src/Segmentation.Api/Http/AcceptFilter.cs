using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;

namespace Segmentation.Api.Http;

/// <summary>
/// Answers 406 where <c>Accept</c> excludes the one media type that an address has. Those that have several choose for themselves.
/// </summary>
internal sealed class AcceptFilter : IResourceFilter
{
    public void OnResourceExecuting(ResourceExecutingContext context)
    {
        var produces = context.ActionDescriptor.FilterDescriptors.OrderByDescending(f => f.Scope)
            .Select(f => f.Filter).OfType<ProducesAttribute>().FirstOrDefault();
        if (produces?.ContentTypes is [var only] && !HttpMethods.IsDelete(context.HttpContext.Request.Method))
        {
            context.HttpContext.Request.Negotiate(only);
        }
    }

    public void OnResourceExecuted(ResourceExecutedContext context)
    {
    }
}
