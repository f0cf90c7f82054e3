using System.Collections.Concurrent;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Mvc.Filters;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;

namespace Segmentation.Api.Endpoints;

/// <summary>
/// Refuses an instant to look at that is before the events that are kept, wherever one is taken: as a parameter <c>asOf</c>, or in a body;
/// and where events are counted (<see cref="CountsEventsAttribute"/>), <c>from</c> and <c>to</c>. Analyses, whose bodies have many forms,
/// are checked where they are asked for.
/// </summary>
internal sealed class AsOfFilter(EventHorizon horizon) : IActionFilter
{
    private const string Name = "asOf";
    private static readonly string[] Period = ["from", "to"];

    // Where each action takes one, by the action's id.
    private static readonly ConcurrentDictionary<string, Place[]> actions = new(StringComparer.Ordinal);

    public void OnActionExecuting(ActionExecutingContext context)
    {
        var action = context.ActionDescriptor;
        foreach (var place in actions.GetOrAdd(action.Id, static (_, action) => [.. Find(action)], action))
        {
            if (context.ActionArguments.TryGetValue(place.Argument, out var value) && value is not null)
            {
                horizon.Check(place.Pointer, place.Read(value));
            }
        }
    }

    public void OnActionExecuted(ActionExecutedContext context)
    {
    }

    private static IEnumerable<Place> Find(ActionDescriptor action)
    {
        var counts = action.EndpointMetadata.OfType<CountsEventsAttribute>().Any();
        foreach (var parameter in action.Parameters)
        {
            var (name, type) = (parameter.Name, Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType);
            if (type == typeof(Instant) && (name == Name || (counts && Period.Contains(name))))
            {
                yield return new Place(name, name, value => ((Instant)value).Value);
            }
            else if (type == typeof(DecisionRequest))
            {
                yield return new Place(name, "/at", value => ((DecisionRequest)value).At);
            }
            else if (type.GetProperty("AsOf") is { } property
                && (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) == typeof(DateTimeOffset))
            {
                yield return new Place(name, $"/{Name}", value => (DateTimeOffset?)property.GetValue(value));
            }
        }
    }

    private sealed record Place(string Argument, string Pointer, Func<object, DateTimeOffset?> Read);
}

/// <summary>An action that counts the events from <c>from</c> to <c>to</c>: of a stretch that is not kept it would count too few.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CountsEventsAttribute : Attribute;
