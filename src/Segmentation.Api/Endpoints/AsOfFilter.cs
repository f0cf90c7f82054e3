using Microsoft.AspNetCore.Mvc.Filters;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;

namespace Segmentation.Api.Endpoints;

/// <summary>
/// Refuses an instant to look at that is before the events that are kept, wherever one is taken: as a parameter <c>asOf</c>, or in a body.
/// Analyses, whose bodies have many forms, are checked where they are asked for.
/// </summary>
internal sealed class AsOfFilter(EventHorizon horizon) : IActionFilter
{
    private const string Name = "asOf";

    public void OnActionExecuting(ActionExecutingContext context)
    {
        foreach (var (name, argument) in context.ActionArguments)
        {
            var (pointer, at) = argument switch
            {
                Instant instant when name == Name => (Name, instant.Value),
                DecisionRequest { At: { } decided } => ("/at", decided),
                not null when argument.GetType().GetProperty("AsOf")?.GetValue(argument) is DateTimeOffset body => ($"/{Name}", body),
                _ => ("", DateTimeOffset.MaxValue),
            };
            horizon.Check(pointer, at);
        }
    }

    public void OnActionExecuted(ActionExecutedContext context)
    {
    }
}
