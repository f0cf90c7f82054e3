using Segmentation.Api.Changes;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.History;

/// <summary>Which changes to list.</summary>
/// <param name="Change">Only this kind; null for both.</param>
/// <param name="Cause">Only those with this cause; null for all.</param>
/// <param name="From">Only those at or after this instant.</param>
/// <param name="To">Only those before this instant.</param>
public sealed record ChangeFilter(MembershipChange? Change, MembershipCause? Cause, DateTimeOffset From, DateTimeOffset To)
{
    /// <exception cref="ApiProblem">400: the period ends before it begins.</exception>
    public static ChangeFilter Create(MembershipChange? change, MembershipCause? cause, Instant? from, Instant? to)
    {
        if (from?.Value > to?.Value)
        {
            throw ApiProblem.Invalid("from", "from must not be after to.");
        }

        return new ChangeFilter(change, cause, from?.Value ?? LocalTime.Earliest, to?.Value ?? LocalTime.Latest);
    }
}
