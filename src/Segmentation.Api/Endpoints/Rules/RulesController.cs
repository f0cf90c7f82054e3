using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
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
public sealed class RulesController(SegmentationDb db, SegmentQuery query, TimeZones zones) : ControllerBase
{
    /// <summary>Counts whom a rule matches and shows some of them. Nothing is saved.</summary>
    [HttpPost("preview")]
    [ProducesResponseType<Preview>(StatusCodes.Status200OK)]
    public async Task<Preview> Preview(PreviewRequest body, CancellationToken cancellation)
    {
        var size = SampleSize.Check(body.SampleSize);
        var started = Stopwatch.GetTimestamp();
        var predicate = await CreatePredicateAsync(body.Rule, body.TimeZone, body.AsOf, cancellation);
        var (count, sample) = await query.PreviewAsync(predicate, size, cancellation);
        var customers = sample.Select(c => CustomerResource.From(c, count.EvaluatedAt)).ToList();
        var elapsedMs = Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 1);
        return new Preview(count.Count, count.Total, count.Share, customers, count.EvaluatedAt, elapsedMs);
    }

    /// <summary>Checks a rule as saving would, and says it in plain English.</summary>
    [HttpPost("validate")]
    [ProducesResponseType<Validation>(StatusCodes.Status200OK)]
    public async Task<Validation> Validate(RuleRequest body, CancellationToken cancellation)
    {
        var rule = (await query.DefinitionsAsync(cancellation)).Compile(CheckRule(body.Rule), Backend.Sql, historical: false);
        List<RuleError> errors = [.. SegmentQuery.AtRule(rule.Errors)];
        if (zones.Resolve(body.TimeZone) is null)
        {
            errors.Add(new RuleError("/timeZone", TimeZones.Rule));
        }

        return errors.Count == 0
            ? new Validation(true, new Dictionary<string, string[]>(), rule.Root.Description)
            : new Validation(false, ApiProblem.Invalid(errors).Errors!, null);
    }

    /// <summary>Shows what PostgreSQL is asked: the statement, its parameters, and the plan.</summary>
    [HttpPost("compile")]
    [ProducesResponseType<Compilation>(StatusCodes.Status200OK)]
    public async Task<Compilation> Compile(CompileRequest body, CancellationToken cancellation)
    {
        var predicate = await CreatePredicateAsync(body.Rule, body.TimeZone, body.AsOf, cancellation);
        var plan = await QueryPlan.ReadAsync(db, query.Members(predicate), cancellation);
        return new Compilation(plan.Sql, [.. plan.Parameters.Select(p => new SqlParameterResource(p.Name, p.Type, p.Value))], plan.Lines);
    }

    private async Task<MemberPredicate> CreatePredicateAsync(
        JsonElement? rule, string? timeZone, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var zone = zones.Resolve(timeZone);
        return query.CreatePredicate(all, CheckRule(rule), zone ?? throw ApiProblem.Invalid("/timeZone", TimeZones.Rule), asOf);
    }

    private static JsonElement CheckRule(JsonElement? rule) =>
        rule ?? throw ApiProblem.Invalid("/rule", "A rule tree is needed: {\"combinator\":\"and\",\"rules\":[…]}.");
}

/// <summary>A rule that is not saved.</summary>
public sealed record RuleRequest(JsonElement? Rule, string? TimeZone = null);

/// <summary>A rule to try.</summary>
/// <param name="AsOf">The instant to look at; default now.</param>
/// <param name="SampleSize">0 to 100; default 10.</param>
public sealed record PreviewRequest(JsonElement? Rule, string? TimeZone = null, DateTimeOffset? AsOf = null, int? SampleSize = null);

/// <summary>A rule to compile.</summary>
public sealed record CompileRequest(JsonElement? Rule, string? TimeZone = null, DateTimeOffset? AsOf = null);

/// <param name="Share">0 to 1.</param>
/// <param name="ElapsedMs">Milliseconds that it took.</param>
public sealed record Preview(
    long Count, long Total, decimal Share, IReadOnlyList<CustomerResource> Sample, DateTimeOffset EvaluatedAt, double ElapsedMs);

/// <param name="Errors">By JSON Pointer; empty when valid.</param>
/// <param name="Description">The rule in plain English; missing when invalid.</param>
public sealed record Validation(bool Valid, IReadOnlyDictionary<string, string[]> Errors, string? Description);

/// <param name="Plan">Lines of PostgreSQL's EXPLAIN.</param>
public sealed record Compilation(string Sql, IReadOnlyList<SqlParameterResource> Parameters, IReadOnlyList<string> Plan);

public sealed record SqlParameterResource(string Name, string Type, object? Value);
