using System.Text.Json.Serialization;

namespace Segmentation.Api.Insight;

/// <summary>How long a cohort's periods are.</summary>
public enum CohortUnit { Week, Month }

/// <summary>What puts a customer into a cohort.</summary>
public enum CohortAnchor
{
    /// <summary>The first order.</summary>
    FirstOrder,

    /// <summary>The signup.</summary>
    SignedUp,

    /// <summary>When the customer was first seen.</summary>
    FirstSeen,

    /// <summary>When the customer first joined the segment.</summary>
    Joined,
}

/// <summary>Who comes back, by when they came.</summary>
/// <param name="Metric">The key of the metric whose events count as being active.</param>
/// <param name="Cohort">How long the periods are.</param>
/// <param name="By">What puts a customer into a cohort.</param>
/// <param name="Membership">Whose membership: that which was stored, or the rule's.</param>
/// <param name="TimeZone">The segment's time zone, in which periods begin.</param>
/// <param name="KeptSince">From when on it is stored who was a member; null where nothing ever was.</param>
/// <param name="AsOf">The instant after which nothing counts.</param>
/// <param name="Items">The cohorts, in the order of time, without a gap.</param>
/// <param name="Warnings">What should be known besides.</param>
public sealed record Retention(
    string Metric,
    CohortUnit Cohort,
    CohortAnchor By,
    MembershipSource Membership,
    string TimeZone,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? KeptSince,
    DateTimeOffset AsOf,
    IReadOnlyList<RetentionCohort> Items,
    IReadOnlyList<InsightWarning> Warnings);

/// <summary>Customers who came in one calendar period, and how many of them were active in it and in those after it.</summary>
/// <param name="Cohort">The first day of the period.</param>
/// <param name="Customers">How many they are; null where nobody knows who was in the segment.</param>
/// <param name="Active">How many had an event of the metric: first in the period itself, then in each after it, up to that of
/// <c>asOf</c>; 60 at most.</param>
/// <param name="Rate">active / customers, 0 to 1; empty where there are no customers.</param>
/// <param name="RateInterval">Wilson's, of 95 %: [low, high].</param>
/// <param name="Complete">False where <c>asOf</c> cuts the period.</param>
public sealed record RetentionCohort(
    DateOnly Cohort,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Customers,
    IReadOnlyList<long> Active,
    IReadOnlyList<double> Rate,
    IReadOnlyList<double[]> RateInterval,
    IReadOnlyList<bool> Complete);
