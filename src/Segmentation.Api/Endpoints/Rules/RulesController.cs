using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;
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
    public const int MaxSampleSize = 100;
    public const int DefaultSampleSize = 10;

    /// <summary>Counts whom a rule matches and shows some of them. Nothing is saved.</summary>
    [HttpPost("preview")]
    [ProducesResponseType<Preview>(StatusCodes.Status200OK)]
    public async Task<Preview> Preview(PreviewRequest body, CancellationToken cancellation)
    {
        var size = SampleSize(body.SampleSize);
        var started = Stopwatch.GetTimestamp();
        var predicate = await CreatePredicateAsync(body.Rule, body.TimeZone, body.AsOf, cancellation);
        var (count, sample) = await query.PreviewAsync(predicate, size, cancellation);
        return new Preview(
            count.Count, count.Total, count.Share, [.. sample.Select(c => CustomerResource.From(c, count.EvaluatedAt))], count.EvaluatedAt,
            Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 1));
    }

    /// <summary>Checks a rule as saving would, and says it in plain English.</summary>
    [HttpPost("validate")]
    [ProducesResponseType<Validation>(StatusCodes.Status200OK)]
    public async Task<Validation> Validate(RuleRequest body, CancellationToken cancellation)
    {
        var rule = (await query.DefinitionsAsync(cancellation)).Compile(Needed(body.Rule), Backend.Sql, historical: false);
        List<RuleError> errors = [.. SegmentQuery.AtRule(rule.Errors)];
        if (Zone(body.TimeZone) is null)
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
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await using var command = (NpgsqlCommand)query.Members(predicate).Select(c => c.Key).CreateDbCommand();
            var sql = command.CommandText;
            var parameters = command.Parameters.Select(p => new SqlParameterResource(p.ParameterName, p.PostgresType?.Name ?? p.DataTypeName ?? p.NpgsqlDbType.ToString(), p.Value is DBNull ? null : p.Value)).ToList();
            command.CommandText = "EXPLAIN " + sql;
            List<string> plan = [];
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                plan.Add(reader.GetString(0));
            }

            return new Compilation(sql, parameters, plan);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    /// <summary>How many customers to show.</summary>
    /// <exception cref="ApiProblem">400.</exception>
    internal static int SampleSize(int? asked) => asked is null ? DefaultSampleSize
        : asked is >= 0 and <= MaxSampleSize ? asked.Value
        : throw ApiProblem.Invalid("/sampleSize", $"sampleSize takes an integer from 0 to {MaxSampleSize}.");

    private async Task<MemberPredicate> CreatePredicateAsync(JsonElement? rule, string? timeZone, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        return query.CreatePredicate(all, Needed(rule), Zone(timeZone) ?? throw ApiProblem.Invalid("/timeZone", TimeZones.Rule), asOf);
    }

    private string? Zone(string? timeZone) => string.IsNullOrWhiteSpace(timeZone) ? "UTC" : zones.Canonical(timeZone.Trim());

    private static JsonElement Needed(JsonElement? rule) => rule ?? throw ApiProblem.Invalid("/rule", "A rule tree is needed: {\"combinator\":\"and\",\"rules\":[…]}.");
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
public sealed record Preview(long Count, long Total, decimal Share, IReadOnlyList<CustomerResource> Sample, DateTimeOffset EvaluatedAt, double ElapsedMs);

/// <param name="Errors">By JSON Pointer; empty when valid.</param>
/// <param name="Description">The rule in plain English; missing when invalid.</param>
public sealed record Validation(bool Valid, IReadOnlyDictionary<string, string[]> Errors, string? Description);

/// <param name="Plan">Lines of PostgreSQL's EXPLAIN.</param>
public sealed record Compilation(string Sql, IReadOnlyList<SqlParameterResource> Parameters, IReadOnlyList<string> Plan);

public sealed record SqlParameterResource(string Name, string Type, object? Value);
