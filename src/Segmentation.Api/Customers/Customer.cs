using System.Text.Json;
using Segmentation.Api.Events;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// One customer: what was sent about it, and what its events add up to. Rules read the folded twin of a text (see
/// <see cref="CaseNormalizer"/>), which its setter sets; the original stays beside it, for answers. A member that bears no
/// <see cref="MadeByAttribute"/> is the profile's.
/// </summary>
public sealed class Customer
{
    public const int IdMaxLength = 128;
    public const int EmailMaxLength = 320;
    public const int TextMaxLength = 256;
    public const int SetMaxItems = 100;
    public const int ReasonMaxLength = 1000;
    public const string IdIndex = "ux_customers_id";

    /// <summary>The database's own key; never leaves the service.</summary>
    [MadeBy(Maker.Database)]
    public long Key { get; set; }

    /// <summary>The caller's id in its own case, 1 to 128 characters.</summary>
    [MadeBy(Maker.Creation)]
    public required string Id { get; set { field = value; IdFolded = CaseNormalizer.Normalize(value); } }

    [MadeBy(Maker.Creation)]
    public string IdFolded { get; private set; } = "";

    public string? Email { get; set { field = value; EmailFolded = CaseNormalizer.Normalize(value); } }
    public string? EmailFolded { get; private set; }
    public string? FirstName { get; set { field = value; FirstNameFolded = CaseNormalizer.Normalize(value); } }
    public string? FirstNameFolded { get; private set; }
    public string? LastName { get; set { field = value; LastNameFolded = CaseNormalizer.Normalize(value); } }
    public string? LastNameFolded { get; private set; }

    public Demographic Demographic { get; set; } = new();
    public Geographic Geographic { get; set; } = new();
    public Psychographic Psychographic { get; set; } = new();

    /// <summary>The registered attributes as sent, a JSON object; null when there are none.</summary>
    public JsonElement? Attributes { get; set; }

    /// <summary>The attributes in the form that rules read: texts folded, dates as days and instants as microseconds since 1970.</summary>
    public JsonElement? AttributesFolded { get; set; }

    /// <summary>Consents as sent, purpose to <c>{"granted","at"}</c>; null when there are none.</summary>
    public JsonElement? Consents { get; set; }

    /// <summary>The purposes whose standing consent is granted.</summary>
    public string[] ConsentsGranted { get; set; } = [];

    /// <summary>Since when its data is only kept (GDPR 18): it is a member of nothing; null for not.</summary>
    [MadeBy(Maker.Restriction)]
    public DateTimeOffset? RestrictedAt { get; set; }

    /// <summary>Why, in the words of whoever restricted it.</summary>
    [MadeBy(Maker.Restriction)]
    public string? RestrictionReason { get; set; }

    public DateTimeOffset? SignedUpAt { get; set; }

    /// <summary>The earlier of what was sent and the first event.</summary>
    [MadeBy(Maker.Profile | Maker.Events)]
    public DateTimeOffset? FirstSeenAt { get; set; }

    /// <summary>The later of what was sent and the last event.</summary>
    [MadeBy(Maker.Profile | Maker.Events)]
    public DateTimeOffset? LastSeenAt { get; set; }

    [MadeBy(Maker.Creation)]
    public DateTimeOffset CreatedAt { get; set; }

    [MadeBy(Maker.Write)]
    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Counts the writes of the profile (not of events); the ETag.</summary>
    [MadeBy(Maker.Write)]
    public int Version { get; set; }

    // What the events add up to. The statement that stores them (EventStore) adds to it, so that a rule over them reads one row.
    [MadeBy(Maker.Events)]
    public int EventCount { get; set; }

    [MadeBy(Maker.Events)]
    public DateTimeOffset? FirstEventAt { get; set; }

    [MadeBy(Maker.Events)]
    public DateTimeOffset? LastEventAt { get; set; }

    [MadeBy(Maker.Orders)]
    public int OrderCount { get; set; }

    /// <summary>Gross amount of all orders.</summary>
    [MadeBy(Maker.Orders)]
    public decimal OrderAmount { get; set; }

    /// <summary>Gross amount of all orders less the amount of all refunds.</summary>
    [MadeBy(Maker.Orders | Maker.Refunds)]
    public decimal LifetimeValue { get; set; }

    [MadeBy(Maker.Orders)]
    public DateTimeOffset? FirstOrderAt { get; set; }

    [MadeBy(Maker.Orders)]
    public DateTimeOffset? LastOrderAt { get; set; }

    [MadeBy(Maker.Feedback)]
    public DateTimeOffset? LastFeedbackAt { get; set; }

    /// <summary>When the latest feedback with a sentiment happened; the others follow it (<see cref="RecentSentiment"/>).</summary>
    [MadeBy(Maker.Feedback)]
    public DateTimeOffset? SentimentAt1 { get; set; }

    /// <summary>The mean sentiment of the latest one; the others are of the latest two to five. Three decimals.</summary>
    [MadeBy(Maker.Feedback)]
    public decimal? SentimentMean1 { get; set; }

    [MadeBy(Maker.Feedback)]
    public DateTimeOffset? SentimentAt2 { get; set; }

    [MadeBy(Maker.Feedback)]
    public decimal? SentimentMean2 { get; set; }

    [MadeBy(Maker.Feedback)]
    public DateTimeOffset? SentimentAt3 { get; set; }

    [MadeBy(Maker.Feedback)]
    public decimal? SentimentMean3 { get; set; }

    [MadeBy(Maker.Feedback)]
    public DateTimeOffset? SentimentAt4 { get; set; }

    [MadeBy(Maker.Feedback)]
    public decimal? SentimentMean4 { get; set; }

    [MadeBy(Maker.Feedback)]
    public DateTimeOffset? SentimentAt5 { get; set; }

    [MadeBy(Maker.Feedback)]
    public decimal? SentimentMean5 { get; set; }

    /// <summary>What of these sums is of events that are no longer kept.</summary>
    [MadeBy(Maker.Retention)]
    public ForgottenEvents Forgotten { get; set; } = new();

    /// <summary>
    /// How many customers have a smaller lifetime value, and how many there are; set where a percentile is asked of a loaded customer.
    /// </summary>
    [MadeBy(Maker.OtherRows)]
    public (long Smaller, long Total) Rank { get; set; }

    /// <summary>Ids of the segments whose stored membership has it; set where rules read stored membership of a loaded customer.</summary>
    [MadeBy(Maker.OtherRows)]
    public HashSet<int> MemberOf { get; } = [];

    /// <summary>Null before the customer is scored, and for one of whom there is nothing to score.</summary>
    [MadeBy(Maker.Scoring)]
    public CustomerScores? Scores { get; set; }

    [MadeBy(Maker.OtherRows)]
    public KeyedList<CustomerEvent> Events { get; } = [];

    [MadeBy(Maker.OtherRows)]
    public List<ManualMember> ManualMemberships { get; } = [];

    /// <summary>Rules read them of an instant in the past.</summary>
    [MadeBy(Maker.OtherRows)]
    public List<ConsentRecord> ConsentRecords { get; } = [];
}
