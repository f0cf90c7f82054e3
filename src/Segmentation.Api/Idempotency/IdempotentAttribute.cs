using Microsoft.AspNetCore.Mvc.Filters;

namespace Segmentation.Api.Idempotency;

/// <summary>
/// An action that honors <c>Idempotency-Key</c>: sent again with the same key and body, it does nothing and gives the same answer. All that
/// it writes has to be in transactions of <c>SegmentationDb.BeginAsync</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class IdempotentAttribute : Attribute, IFilterFactory, IOrderedFilter
{
    /// <summary>The answer shows a secret.</summary>
    public bool ShowsSecret { get; init; }

    public bool IsReusable => false;

    // After the body's faults have been answered (ModelStateInvalidFilter is -2000) and the request was admitted.
    public int Order => -1000;

    public IFilterMetadata CreateInstance(IServiceProvider serviceProvider) =>
        ActivatorUtilities.CreateInstance<IdempotencyFilter>(serviceProvider, this);
}

/// <summary>An action that refuses <c>Idempotency-Key</c>, since what it stores by lines can be sent again as it is.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinesAreUpsertsAttribute : Attribute, IResourceFilter
{
    public void OnResourceExecuting(ResourceExecutingContext context) => IdempotencyFilter.RefuseLines(context.HttpContext.Request);

    public void OnResourceExecuted(ResourceExecutedContext context)
    {
    }
}
