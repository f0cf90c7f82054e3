using Segmentation.Api.Data;

namespace Segmentation.Api.Admission;

/// <summary>What class of work an action is; one without is a <see cref="WorkClass.Point"/>.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class WorkAttribute(WorkClass work) : Attribute
{
    public WorkClass Class => work;

    /// <summary>A rate that it counts for besides <see cref="RateName.Default"/> and that of its class.</summary>
    public RateName Rate { get; init; } = RateName.Default;

    /// <summary>
    /// The action takes its place itself, by <see cref="Work.EnterAsync"/>: it reads the body first, and nobody may hold a place while
    /// he sends.
    /// </summary>
    public bool Later { get; init; }
}
