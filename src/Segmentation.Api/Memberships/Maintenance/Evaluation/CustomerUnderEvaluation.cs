using Segmentation.Api.Customers;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>A customer that is being evaluated, and when it is to be re-evaluated.</summary>
/// <param name="Stored">The segments whose stored membership contains it, once all that was found is written.</param>
internal sealed record CustomerUnderEvaluation(Customer Customer, EvaluationRequest Request, SegmentSet Stored)
{
    public DateTimeOffset? Due { get; private set; }

    /// <summary>It has too many events to load: rules that read them are evaluated in SQL.</summary>
    public bool IsOverEventLimit => Customer.EventCount > CustomerSnapshots.MaxEvents;

    /// <summary>Has it re-evaluated at an instant; the earliest one applies.</summary>
    public void ScheduleAt(DateTimeOffset? due) => Due = due is null || Due < due ? Due : due;
}
