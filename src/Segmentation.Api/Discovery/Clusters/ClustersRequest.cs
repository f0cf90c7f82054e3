using Segmentation.Api.Analyses;

namespace Segmentation.Api.Discovery;

/// <summary>Which groups there are.</summary>
/// <param name="Within">The key of a segment whose customers are looked at; all when left out.</param>
/// <param name="Fields">The fields by which they are grouped, 2 to 100: numbers, dates, booleans, sets, and texts of at most 20 values.
/// When left out, all that a profile compares, but for scores, which follow from others.</param>
/// <param name="K">How many groups to make, 2 to 12, whether there are any or not; found out when left out.</param>
/// <param name="Seed">Another seed, other draws: 1 when left out.</param>
public sealed record ClustersRequest(string? Within = null, IReadOnlyList<string>? Fields = null, int? K = null, int? Seed = null)
    : AnalysisRequest;
