using Microsoft.AspNetCore.Mvc.Filters;
using Segmentation.Api.Data;

namespace Segmentation.Api.Admission;

/// <summary>
/// Takes a place of the action's class when the body is there, and gives it up before the answer is written: no client that is slow holds
/// one, but of those whose action reads or writes line by line.
/// </summary>
internal sealed class AdmissionFilter(Work work) : IAsyncActionFilter
{
    public async Task OnActionExecutionAsync(ActionExecutingContext context, ActionExecutionDelegate next)
    {
        try
        {
            if (context.HttpContext.GetEndpoint()?.Metadata.GetMetadata<WorkAttribute>() is not { Later: true })
            {
                await work.EnterAsync(work.Class, context.HttpContext.RequestAborted);
            }

            await next();
        }
        finally
        {
            work.Leave();
        }
    }
}
