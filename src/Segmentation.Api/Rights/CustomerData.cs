using System.Text.Json;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Privacy;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Rights;

/// <summary>Everything that is held of a customer.</summary>
/// <remarks>It is never held whole: <see cref="CustomerDataReader"/> writes it a page at a time.</remarks>
/// <param name="Id">The customer's id.</param>
/// <param name="At">Whatever was written before, and not since, is in it as it was.</param>
/// <param name="Profile">The customer as every other answer shows it, with its consents.</param>
/// <param name="Restriction">Since when and why its processing is restricted; missing where it is not.</param>
/// <param name="Consents">Each consent that it gave or withdrew, in the order in which they came.</param>
/// <param name="Scores">What is predicted of it, and the numbers that this is from.</param>
/// <param name="ToldScores">What models told of it on a day, kept until it can be held against what came.</param>
/// <param name="Events">What it did, by id.</param>
/// <param name="Memberships">Its times in segments, past ones too.</param>
/// <param name="ManualSegments">The segments that someone has put it into.</param>
/// <param name="Visitors">The visitors that it was seen as.</param>
/// <param name="Assignments">The variants that it was shown, as a customer or as one of these visitors.</param>
/// <param name="Impressions">The plays that it has seen, likewise.</param>
/// <param name="ExposureReports">The reports of exposures of these visitors.</param>
/// <param name="Recipients">Who was told of it.</param>
/// <param name="Requests">Requests about it whose answers are kept, to be given again.</param>
/// <param name="RejectedLines">Lines of imports about it, or that name it, that were not stored.</param>
/// <param name="Audit">The entries about it in the audit log, which says them without its id.</param>
public sealed record CustomerData(
    string Id,
    DateTimeOffset At,
    CustomerResource Profile,
    RestrictionResource? Restriction,
    IReadOnlyList<ConsentRecordResource> Consents,
    IReadOnlyList<HeldScores> Scores,
    IReadOnlyList<ToldScore> ToldScores,
    IReadOnlyList<EventResource> Events,
    IReadOnlyList<HeldMembership> Memberships,
    IReadOnlyList<HeldManualSegment> ManualSegments,
    IReadOnlyList<HeldVisitor> Visitors,
    IReadOnlyList<HeldAssignment> Assignments,
    IReadOnlyList<HeldImpression> Impressions,
    IReadOnlyList<HeldExposureReport> ExposureReports,
    IReadOnlyList<Recipient> Recipients,
    IReadOnlyList<HeldRequest> Requests,
    IReadOnlyList<HeldRejectedLine> RejectedLines,
    IReadOnlyList<AuditMention> Audit);

/// <summary>A customer's scores.</summary>
/// <param name="ScoredOn">The day that they are of.</param>
/// <param name="Version">The version of `lifetimeValue` that they are by.</param>
/// <param name="Silence">How many times longer than usual it has been silent.</param>
/// <param name="AliveProbability">That it has not stopped ordering.</param>
/// <param name="ChurnRisk">That it orders no more within the model's days.</param>
/// <param name="Orders30">Expected within 30 days.</param>
/// <param name="Orders90">Expected within 90 days.</param>
/// <param name="Orders365">Expected within 365 days.</param>
/// <param name="AverageOrderValue">Expected of its next orders.</param>
/// <param name="LifetimeValue">Expected within twelve months.</param>
/// <param name="ValuePercentile">The share of customers whose lifetime value is not above it.</param>
/// <param name="Propensities">The probability by each propensity, by the model's key.</param>
/// <param name="Repeats">Days with an order after the first.</param>
/// <param name="RecencyDays">Days from the first order to the last.</param>
/// <param name="AgeDays">Days from the first order to the day of scoring.</param>
/// <param name="PaidRepeats">How many of the days after the first have an amount above 0.</param>
/// <param name="MeanAmount">The mean amount of these days.</param>
public sealed record HeldScores(
    DateOnly ScoredOn, int? Version, decimal? Silence, decimal? AliveProbability, decimal? ChurnRisk, decimal? Orders30, decimal? Orders90,
    decimal? Orders365, decimal? AverageOrderValue, decimal? LifetimeValue, decimal? ValuePercentile, JsonElement? Propensities,
    int? Repeats, int? RecencyDays, int? AgeDays, int? PaidRepeats, decimal? MeanAmount);

/// <summary>What a model told of a customer on a day.</summary>
/// <param name="Model">The model's key.</param>
/// <param name="Version">Its version.</param>
/// <param name="ScoredOn">The day.</param>
/// <param name="Until">It is kept until then.</param>
/// <param name="Probability">Of a propensity: what it told.</param>
/// <param name="Repeats">Of `lifetimeValue`, which tells again from these: days with an order after the first.</param>
/// <param name="RecencyDays">Days from the first order to the last.</param>
/// <param name="AgeDays">Days from the first order to the day.</param>
/// <param name="PaidRepeats">How many of the days after the first have an amount above 0.</param>
/// <param name="MeanAmount">The mean amount of these days.</param>
public sealed record ToldScore(
    string Model, int Version, DateOnly ScoredOn, DateTimeOffset Until, float? Probability, int? Repeats, int? RecencyDays, int? AgeDays,
    int? PaidRepeats, float? MeanAmount);

/// <summary>A customer's time in a segment.</summary>
/// <param name="Segment">The segment's key.</param>
/// <param name="JoinedAt">When it joined.</param>
/// <param name="JoinedCause">Why.</param>
/// <param name="JoinedEvent">The id of the event that did it.</param>
/// <param name="LeftAt">When it left; left out while it is a member.</param>
/// <param name="LeftCause">Why.</param>
/// <param name="LeftEvent">The id of the event that did it.</param>
public sealed record HeldMembership(
    string Segment, DateTimeOffset JoinedAt, MembershipCause JoinedCause, string? JoinedEvent, DateTimeOffset? LeftAt,
    MembershipCause? LeftCause, string? LeftEvent);

/// <summary>A segment that someone has put a customer into.</summary>
/// <param name="Segment">The segment's key.</param>
/// <param name="AddedAt">When.</param>
public sealed record HeldManualSegment(string Segment, DateTimeOffset AddedAt);

/// <summary>A visitor that a customer was seen as.</summary>
/// <param name="VisitorId">The visitor's id.</param>
/// <param name="At">When both were first seen together.</param>
public sealed record HeldVisitor(string VisitorId, DateTimeOffset At);

/// <summary>A variant that was shown.</summary>
/// <param name="Experiment">The experiment's key.</param>
/// <param name="Run">Its run.</param>
/// <param name="Unit">What the experiment splits by: the visitor's id or the customer's.</param>
/// <param name="Variant">The variant's key.</param>
/// <param name="At">The first time.</param>
/// <param name="VisitorId">To which visitor.</param>
/// <param name="CustomerId">To which customer, where that was said.</param>
public sealed record HeldAssignment(
    string Experiment, int Run, string Unit, string Variant, DateTimeOffset At, string VisitorId, string? CustomerId);

/// <summary>A play that was seen.</summary>
/// <param name="Placement">Where.</param>
/// <param name="Playbook">The playbook's key.</param>
/// <param name="Version">Its version.</param>
/// <param name="Play">The play's key.</param>
/// <param name="At">When.</param>
/// <param name="VisitorId">By which visitor.</param>
/// <param name="CustomerId">By which customer, where that was said.</param>
/// <param name="VisitId">In which visit, where that was said.</param>
public sealed record HeldImpression(
    string Placement, string Playbook, int Version, string Play, DateTimeOffset At, string VisitorId, string? CustomerId, string? VisitId);

/// <summary>A report of exposures, which is not taken twice.</summary>
/// <param name="VisitorId">Whose.</param>
/// <param name="Id">Its id.</param>
/// <param name="At">When.</param>
public sealed record HeldExposureReport(string VisitorId, string Id, DateTimeOffset At);

/// <summary>A message to a webhook about a customer.</summary>
/// <param name="Webhook">The webhook's id.</param>
/// <param name="Url">Where it leads.</param>
/// <param name="Message">The message's id.</param>
/// <param name="Segment">The segment that it is about.</param>
/// <param name="Change">Whether it says that the customer joined or left.</param>
/// <param name="Cause">Why.</param>
/// <param name="EventId">The event that did it.</param>
/// <param name="At">When it happened.</param>
/// <param name="QueuedAt">When the message was made, or asked for again.</param>
/// <param name="State">What became of the message.</param>
/// <param name="Attempts">How often it was sent since.</param>
/// <param name="DoneAt">When it was delivered, or given up.</param>
public sealed record Recipient(
    string Webhook, string Url, string Message, string Segment, string Change, MembershipCause Cause, string? EventId, DateTimeOffset At,
    DateTimeOffset QueuedAt, DeliveryState State, int Attempts, DateTimeOffset? DoneAt);

/// <summary>A request whose answer is kept for a day.</summary>
/// <param name="At">When it came.</param>
/// <param name="Status">How it was answered.</param>
public sealed record HeldRequest(DateTimeOffset At, int? Status);

/// <summary>A line of an import that was not stored.</summary>
/// <param name="Import">The import's id.</param>
/// <param name="Line">The line's number.</param>
/// <param name="Message">What is wrong with it.</param>
/// <param name="Record">The line as it was sent, as text; missing of one that has another's id.</param>
public sealed record HeldRejectedLine(string Import, int Line, string Message, string? Record);
