using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Metrics: those that are built in, and those that users define.</summary>
public sealed class MetricStore(
    SegmentationDb db,
    BuiltInMetrics builtIn,
    MetricEvents events,
    IEnumerable<IMetricUser> metricUsers,
    Limits limits,
    TimeProvider time)
{
    /// <summary>All of them, by key.</summary>
    public async Task<IReadOnlyList<MetricResource>> ListAsync(CancellationToken cancellation)
    {
        var own = await db.Metrics.AsNoTracking().ToListAsync(cancellation);
        return [.. builtIn.All.Values.Concat(own.Select(From)).OrderBy(m => m.Key, StringComparer.Ordinal)];
    }

    /// <summary>The one with this key; null where there is none.</summary>
    public async Task<MetricResource?> FindAsync(string key, CancellationToken cancellation) =>
        builtIn.All.GetValueOrDefault(key)
        ?? (IsKey(key) && await db.Metrics.AsNoTracking().SingleOrDefaultAsync(m => m.Key == key, cancellation) is { } own
            ? From(own)
            : null);

    /// <summary>The one that a request names.</summary>
    /// <param name="at">Where: a parameter's name, or a JSON Pointer.</param>
    /// <exception cref="ApiProblem">400: there is none; the nearest name is said.</exception>
    public async Task<MetricResource> GetAsync(string key, string at, CancellationToken cancellation)
    {
        if (await FindAsync(key, cancellation) is { } metric)
        {
            return metric;
        }

        var keys = (await ListAsync(cancellation)).Select(m => m.Key!);
        var hint = NearestName.Find(key, keys) is { } nearest ? $"Did you mean \"{nearest}\"?" : "GET /api/v1/metrics lists what there is.";
        throw ApiProblem.Invalid(at, $"There is no metric {ErrorText.Quote(key)}. {hint}");
    }

    /// <summary>The metric that a request names, else a segment's goal, else revenue.</summary>
    /// <param name="requested">The parameter <c>metric</c>; null where it was left out.</param>
    /// <exception cref="ApiProblem">400: there is none.</exception>
    public async Task<MetricResource> ChooseAsync(string? requested, SegmentDefinition segment, CancellationToken cancellation) =>
        await GetAsync(
            requested
                ?? await db.Segments.Where(s => s.Id == segment.Id).Select(s => s.GoalMetric).SingleOrDefaultAsync(cancellation)
                ?? BuiltInMetrics.Default,
            "metric",
            cancellation);

    /// <summary>Defines a metric, or changes one.</summary>
    /// <param name="checkVersion">Throws where the caller wants it only if it is there, or only if it is not.</param>
    /// <exception cref="ApiProblem">400; 409: it is built in.</exception>
    public async Task<(MetricResource Metric, bool Created)> SaveAsync(
        string key, MetricResource body, Action<int?> checkVersion, CancellationToken cancellation)
    {
        CheckOwn(key);
        var definition = JsonSerializer.SerializeToElement(Check(key, body), Json.Options);
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        var metric = await db.Metrics.SingleOrDefaultAsync(m => m.Key == key, cancellation);
        var created = metric is null;
        checkVersion(created ? null : 1); // It has no versions to tell apart: only whether it is there.
        var now = LocalTime.Truncate(time.GetUtcNow());
        if (metric is null)
        {
            if (await db.Metrics.CountAsync(cancellation) >= limits.Metrics)
            {
                throw ApiProblem.TooMany(limits.Metrics, "metrics");
            }

            metric = db.Metrics.Add(new Metric { Key = key, CreatedAt = now }).Entity;
        }

        (metric.Definition, metric.UpdatedAt) = (definition, now);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return (From(metric), created);
    }

    /// <summary>Deletes a metric.</summary>
    /// <exception cref="ApiProblem">409: it is built in, or in use.</exception>
    public async Task DeleteAsync(string key, CancellationToken cancellation)
    {
        CheckOwn(key);
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        if (!IsKey(key) || await db.Metrics.SingleOrDefaultAsync(m => m.Key == key, cancellation) is not { } metric)
        {
            return;
        }

        var users = await db.Segments.Where(s => s.GoalMetric == key).OrderBy(s => s.Key).Select(s => s.Key).ToListAsync(cancellation);
        if (users.Count > 0)
        {
            throw ApiProblem.Conflict($"Segments use \"{key}\" as their goalMetric: {string.Join(", ", users)}.");
        }

        foreach (var user in metricUsers)
        {
            if (await user.ListUsersAsync(key, cancellation) is { Count: > 0 } named)
            {
                throw ApiProblem.Conflict($"\"{key}\" is in use: {string.Join(", ", named)}.");
            }
        }

        db.Metrics.Remove(metric);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private static bool IsKey(string key) => Regex.IsMatch(key, Segment.KeyPattern) && !key.EndsWith('\n');

    private static MetricResource From(Metric metric) => metric.Definition.Deserialize<MetricResource>(Json.Options)! with
    {
        Key = metric.Key,
        BuiltIn = false,
        CreatedAt = metric.CreatedAt,
        UpdatedAt = metric.UpdatedAt,
    };

    private void CheckOwn(string key)
    {
        if (builtIn.All.ContainsKey(key))
        {
            throw ApiProblem.Conflict($"\"{key}\" is built in: it can't be changed or deleted. Define a metric under a key of its own.");
        }
    }

    // As it is kept.
    private MetricResource Check(string key, MetricResource body)
    {
        List<RuleError> errors = [];
        void Require(bool holds, string pointer, string message)
        {
            if (!holds)
            {
                errors.Add(new RuleError(pointer, message));
            }
        }

        JsonElement? Compile(JsonElement? group, string pointer)
        {
            var compiled = events.Compile(group);
            errors.AddRange(compiled.Errors.Select(e => new RuleError(pointer + e.Pointer, e.Message)));
            return compiled.Source;
        }

        void CheckOf(string? of, string pointer)
        {
            if (of is not null && MetricEvents.FindFault(of) is { } fault)
            {
                errors.Add(new RuleError(pointer, fault));
            }
        }

        Require(IsKey(key), "/key", "A key is 1 to 63 lowercase letters, digits and hyphens, and starts with no hyphen.");
        Require((body.Key ?? key) == key, "/key", "The key is that of the address; a metric can't be renamed.");
        Require(Texts.Fits(body.Name, Segment.NameMaxLength), "/name", Texts.TooLong(Segment.NameMaxLength));
        Require(body.Kind is not null, "/kind", "A metric needs a kind: conversion, count, sum, ratio or time.");
        Require(body.Goal is not null, "/goal", "A metric needs a goal: increase or decrease.");
        var group = Compile(body.Event, "/event");
        CheckOf(body.Of, "/of");
        Require(
            body.Kind is not MetricKind.Sum || body.Of is not null,
            "/of",
            "A sum needs to know what is added up: amount, sentiment or properties.NAME.");
        Require(
            body.Of is null || body.Kind is null or MetricKind.Sum or MetricKind.Ratio, "/of", "of is only of the kinds sum and ratio.");
        JsonElement? denominator = null;
        if (body.Denominator is { } by)
        {
            Require(body.Kind is null or MetricKind.Ratio, "/denominator", "A denominator is only of the kind ratio.");
            denominator = Compile(by.Event, "/denominator/event");
            CheckOf(by.Of, "/denominator/of");
        }
        else
        {
            Require(body.Kind is not MetricKind.Ratio, "/denominator", "A ratio needs a denominator: {\"event\":{…},\"of\":…}.");
        }

        Require(
            body.Window is null || body.Window.Fits,
            "/window",
            $"A window is {{\"amount\",\"unit\"}}: minutes, hours or days, from 1 minute to {MetricWindow.MaxDays} days.");
        Require(
            body.Cap is null || body.Cap.Fits,
            "/cap",
            "A cap is {\"percentile\"}, more than 0 and less than 100, or {\"value\"}, more than 0; null is none.");
        Require(
            body.Cap is null || body.Kind is not MetricKind.Conversion, "/cap", "A conversion is 0 or 1 of a customer: it has no cap.");
        return errors.Count == 0 ? body.Normalize(key, group, denominator) : throw ApiProblem.Invalid(errors);
    }
}
