using Segmentation.Api.Events;

namespace Segmentation.Api.Customers;

/// <summary>
/// What those events of a customer added up to that are no longer kept (<see cref="RetentionOptions.EventsDays"/>); null where none went.
/// What the customer carries as of now has them in it; as of an instant in the past, the events that are kept up to it are added to these.
/// All of them happened before the horizon; while a night still deletes, others from before it are kept yet.
/// </summary>
public sealed class ForgottenEvents
{
    public int? EventCount { get; set; }
    public DateTimeOffset? LastEventAt { get; set; }
    public int? OrderCount { get; set; }
    public decimal? OrderAmount { get; set; }
    public decimal? LifetimeValue { get; set; }
    public DateTimeOffset? FirstOrderAt { get; set; }
    public DateTimeOffset? LastOrderAt { get; set; }
    public DateTimeOffset? LastFeedbackAt { get; set; }
}
