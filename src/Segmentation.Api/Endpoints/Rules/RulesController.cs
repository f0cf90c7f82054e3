using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints;

/// <summary>Rules that are not saved yet: what they match, whether they are valid, what PostgreSQL is asked.</summary>
[ApiController]
[Route("api/v1/segments")]
[Tags("Rules")]
[Produces("application/json")]
public sealed class RulesController(SegmentationDb db, SegmentQuery query, TimeZones zones, Limits limits, SensitiveReads sensitive)
    : ControllerBase
{
    /// <summary>Counts whom a rule matches and shows some of them. Nothing is saved.</summary>
    [HttpPost("preview")]
    [RequiresScope(Scopes.SegmentsRead)]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Preview>(StatusCodes.Status200OK)]
    public async Task<Preview> Preview(PreviewRequest body, CancellationToken cancellation)
    {
        var size = SampleSize.Check(body.SampleSize);
        var started = Stopwatch.GetTimestamp();
        var predicate = await CreatePredicateAsync(body.Rule, body.TimeZone, body.RequiresConsent, body.AsOf, cancellation);
        await PlanGuard.CheckAsync(db, query.Members(predicate), limits.PlanRows, cancellation);
        var (count, sample) = await sensitive.ReadSampleAsync(predicate, size, body.Rule, cancellation);
        var elapsedMs = Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 1);
        return new Preview(count.Count, count.Total, count.Share, sample, count.EvaluatedAt, elapsedMs);
    }

    /// <summary>Checks a rule as saving would, and says it in plain English.</summary>
    [HttpPost("validate")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<Validation>(StatusCodes.Status200OK)]
    public async Task<Validation> Validate(RuleRequest body, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var rule = all.Compile(CheckRule(body.Rule), Backend.Sql, historical: false);
        List<RuleError> errors = [.. SegmentQuery.AtRule(rule.Errors)];
        if (zones.Resolve(body.TimeZone) is null)
        {
            errors.Add(new RuleError("/timeZone", TimeZones.Rule));
        }

        errors.AddRange(await RequiredConsents.FindFaultsAsync(db, body.RequiresConsent, cancellation));
        return errors.Count == 0
            ? new Validation(
                true, none, [], FindWarnings(all, rule.Source!.Value),
                SegmentGate.Describe(rule.Root.Description, body.RequiresConsent))
            : new Validation(false, ApiProblem.Invalid(errors).Errors!, FindIncomplete(errors), none, null);
    }

    /// <summary>Shows what PostgreSQL is asked: the statement, its parameters, and the plan.</summary>
    [HttpPost("compile")]
    [RequiresScope(Scopes.Admin)]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Compilation>(StatusCodes.Status200OK)]
    public async Task<Compilation> Compile(CompileRequest body, CancellationToken cancellation)
    {
        var predicate = await CreatePredicateAsync(body.Rule, body.TimeZone, body.RequiresConsent, body.AsOf, cancellation);
        var plan = await QueryPlan.ReadAsync(db, query.Members(predicate), cancellation);
        var compilation = new Compilation(
            plan.Sql, [.. plan.Parameters.Select(p => new SqlParameterResource(p.Name, p.Type, p.Value))], plan.Lines);
        return Json.Measure(compilation) <= Json.MaxAnswerBytes ? compilation
            : throw ApiProblem.Invalid("/rule", "Its statement and plan have more than 1 MiB: compile a part of the rule.");
    }

    private async Task<MemberPredicate> CreatePredicateAsync(
        JsonElement? rule, string? timeZone, string[]? requiresConsent, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var zone = zones.Resolve(timeZone) ?? throw ApiProblem.Invalid("/timeZone", TimeZones.Rule);
        await RequiredConsents.CheckAsync(db, requiresConsent, cancellation);
        return query.CreatePredicate(all, CheckRule(rule), zone, asOf, requiresConsent);
    }

    private static readonly IReadOnlyDictionary<string, string[]> none = new Dictionary<string, string[]>();

    // Who has not consented is in none of those, and so in all that are not.
    private static IReadOnlyDictionary<string, string[]> FindWarnings(DefinitionSet all, JsonElement rule) =>
        RuleReferences.ExcludedSegments(rule)
            .Where(r => all.Segments[r.Key].RequiresConsent is { Length: > 0 })
            .GroupBy(r => "/rule" + r.Pointer)
            .ToDictionary(g => g.Key, g => g.Select(r => r.Key).Distinct(StringComparer.Ordinal).Select(key =>
                $"Whoever has not consented to {string.Join(", ", all.Segments[key].RequiresConsent!)} is not in "
                + $"{ErrorText.Quote(key)}, and so matches this. Where that is not meant, require the consent here, too.").ToArray());

    private static string[] FindIncomplete(List<RuleError> errors) =>
        [.. errors.GroupBy(e => e.Pointer).Where(at => at.All(e => e.IsIncomplete)).Select(at => at.Key)];

    private static JsonElement CheckRule(JsonElement? rule) =>
        rule ?? throw ApiProblem.Invalid("/rule", "A rule tree is needed: {\"combinator\":\"and\",\"rules\":[…]}.");
}

/// <summary>A rule to check.</summary>
/// <param name="Rule">The rule tree.</param>
/// <param name="TimeZone">The IANA name of the zone in which the rule's days begin; UTC when left out.</param>
/// <param name="RequiresConsent">Purposes that whoever matches has to have consented to, ten at most; none when left out.</param>
public sealed record RuleRequest([property: Needed] JsonElement? Rule, string? TimeZone = null, string[]? RequiresConsent = null);

/// <summary>A rule to try.</summary>
/// <param name="Rule">The rule tree.</param>
/// <param name="TimeZone">The IANA name of the zone in which the rule's days begin; UTC when left out.</param>
/// <param name="AsOf">The instant to evaluate at; now when left out.</param>
/// <param name="SampleSize">How many customers to show, 0 to 100; 10 when left out.</param>
/// <param name="RequiresConsent">Purposes that whoever matches has to have consented to, ten at most; none when left out.</param>
public sealed record PreviewRequest(
    [property: Needed] JsonElement? Rule, string? TimeZone = null, DateTimeOffset? AsOf = null, int? SampleSize = null,
    string[]? RequiresConsent = null);

/// <summary>A rule to compile.</summary>
/// <param name="Rule">The rule tree.</param>
/// <param name="TimeZone">The IANA name of the zone in which the rule's days begin; UTC when left out.</param>
/// <param name="AsOf">The instant to evaluate at; now when left out.</param>
/// <param name="RequiresConsent">Purposes that whoever matches has to have consented to, ten at most; none when left out.</param>
public sealed record CompileRequest(
    [property: Needed] JsonElement? Rule, string? TimeZone = null, DateTimeOffset? AsOf = null, string[]? RequiresConsent = null);

/// <summary>Whom a rule matches.</summary>
/// <param name="Count">How many customers match.</param>
/// <param name="Total">All customers.</param>
/// <param name="Share">count / total, from 0 to 1.</param>
/// <param name="Sample">Some of those who match, in no particular order; missing without the scope <c>customers:read</c>.</param>
/// <param name="EvaluatedAt">The instant that the rule was evaluated at.</param>
/// <param name="ElapsedMs">How long it took, in milliseconds.</param>
public sealed record Preview(
    long Count, long Total, decimal Share, IReadOnlyList<CustomerResource>? Sample, DateTimeOffset EvaluatedAt, double ElapsedMs);

/// <summary>Whether a rule is valid, and what it says.</summary>
/// <param name="Valid">Whether it could be saved.</param>
/// <param name="Errors">What is wrong, by JSON Pointer; empty when it is valid.</param>
/// <param name="Incomplete">
/// Those of the pointers in <c>errors</c> where a value has yet to be filled in (it is missing, null, an empty text or an empty list) and
/// nothing is wrong: a form shows them otherwise than mistakes.
/// </param>
/// <param name="Warnings">What is valid and may not be meant, by JSON Pointer: leaving out a segment that requires consents keeps those who
/// have not consented.</param>
/// <param name="Description">The rule in plain English; only when it is valid.</param>
public sealed record Validation(
    bool Valid, IReadOnlyDictionary<string, string[]> Errors, IReadOnlyList<string> Incomplete,
    IReadOnlyDictionary<string, string[]> Warnings, string? Description);

/// <summary>What PostgreSQL is asked.</summary>
/// <param name="Sql">The statement.</param>
/// <param name="Parameters">The statement's parameters, in order.</param>
/// <param name="Plan">The lines of PostgreSQL's <c>EXPLAIN</c>.</param>
public sealed record Compilation(string Sql, IReadOnlyList<SqlParameterResource> Parameters, IReadOnlyList<string> Plan);

/// <summary>A parameter of a statement.</summary>
/// <param name="Name">As the statement names it.</param>
/// <param name="Type">Its PostgreSQL type.</param>
/// <param name="Value">Its value; missing where it is null.</param>
public sealed record SqlParameterResource(string Name, string Type, object? Value);
