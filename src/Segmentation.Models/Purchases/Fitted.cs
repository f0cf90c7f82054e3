using Segmentation.Models.Statistics;

namespace Segmentation.Models.Purchases;

/// <summary>A model fitted by maximum likelihood.</summary>
/// <param name="Model">It.</param>
/// <param name="LogLikelihood">The sum over all customers.</param>
/// <param name="Intervals">Of its parameters, in their order: from the inverse of the Hessian, symmetric about their logarithms. NaN for
/// one that was held.</param>
/// <param name="IsOnBoundary">Whether a parameter is at the edge of what can be told: its interval spans more than two orders of
/// magnitude.</param>
public sealed record Fitted<T>(T Model, double LogLikelihood, IReadOnlyList<Interval> Intervals, bool IsOnBoundary);
