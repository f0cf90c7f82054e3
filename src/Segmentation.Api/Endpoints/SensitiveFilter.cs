using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Marks actions whose texts are what customers are, do or say, not names of fields, or that look for those themselves.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class TakesDataAttribute : Attribute, IFilterMetadata;

/// <summary>
/// THE check of what a caller without the scope <c>privacy</c> asks: no action is reached by a request that names a sensitive field, be it
/// in a rule, a list of fields, a parameter or the path. What customers and events carry is data, and checked where it is stored.
/// </summary>
internal sealed class SensitiveFilter(SegmentQuery query) : IAsyncActionFilter
{
    public async Task OnActionExecutionAsync(ActionExecutingContext context, ActionExecutionDelegate next)
    {
        if (!context.HttpContext.Caller.Has(Scopes.Privacy) && context.ActionArguments.Count > 0
            && !context.Filters.OfType<TakesDataAttribute>().Any())
        {
            var hidden = (await query.DefinitionsAsync(context.HttpContext.RequestAborted)).Sensitive;
            if (!hidden.IsEmpty)
            {
                var services = context.ActionDescriptor.Parameters
                    .Where(p => p.BindingInfo?.BindingSource == BindingSource.Services).Select(p => p.Name).ToHashSet();
                SensitiveFields.Refuse(context.ActionArguments
                    .Where(a => a.Value is not (null or CancellationToken) && !services.Contains(a.Key))
                    .SelectMany(a => a.Value is string text
                        ? hidden.IsName(text, isField: a.Key == "name") ? [a.Key] : []
                        : hidden.FindNames(JsonSerializer.SerializeToElement(a.Value, a.Value!.GetType(), Json.Options))));
            }
        }

        await next();
    }
}
