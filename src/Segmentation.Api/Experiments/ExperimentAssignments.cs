using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Experiments;

/// <summary>Says which units get what.</summary>
public sealed class ExperimentAssignments(SegmentationDb db)
{
    /// <summary>Units in one request.</summary>
    public const int MaxUnits = 10_000;

    /// <summary>What units get, or would get.</summary>
    /// <param name="run">Null for the present one, else the first.</param>
    /// <exception cref="ApiProblem">404; 400.</exception>
    public async Task<IReadOnlyList<UnitAssignment>> AssignAsync(
        string key, IReadOnlyList<string?>? units, int? run, CancellationToken cancellation)
    {
        Check(units, run);
        var experiment = await ExperimentSet.GetAsync(db, key, cancellation);
        var number = run ?? Math.Max(experiment.Runs.Count, 1);
        var (split, variants) = experiment.FindSplit(number);
        var asked = units!.Select(u => u!).ToArray();
        var kept = await db.ExperimentUnits.AsNoTracking()
            .Where(u => asked.Contains(u.Unit) && u.ExperimentId == experiment.Id && u.Run == number)
            .ToDictionaryAsync(u => u.Unit, u => u.Variant, StringComparer.Ordinal, cancellation);
        return [.. asked.Select(unit =>
        {
            var assigned = split.Assign(unit);
            return kept.GetValueOrDefault(unit) is { } before
                ? new UnitAssignment(unit, assigned.Bucket, before, AssignmentReason.Kept)
                : new UnitAssignment(unit, assigned.Bucket, assigned.Variant is { } i ? variants[i] : null, assigned.Reason);
        })];
    }

    private static void Check(IReadOnlyList<string?>? units, int? run)
    {
        var errors = new List<RuleError>();
        if (units is null || units.Count is 0 or > MaxUnits)
        {
            errors.Add(new RuleError("/units", $"units must be a list of 1 to {MaxUnits} ids."));
        }

        errors.AddRange((units ?? []).Index().Where(u => !CustomerIds.CanExist(u.Item)).Select(u => new RuleError(
            $"/units/{u.Index}", "An id must have 1 to 128 characters, none of them a control character or '/'.")));
        if (run is < 1)
        {
            errors.Add(new RuleError("/run", "run is the number of a run, from 1."));
        }

        if (errors.Count > 0)
        {
            throw ApiProblem.Invalid(errors);
        }
    }
}

/// <summary>What a unit gets.</summary>
/// <param name="Unit">Its id.</param>
/// <param name="Bucket">The part that it falls into, from 0 to 9,999.</param>
/// <param name="Variant">The variant's key; null where it takes no part.</param>
/// <param name="Reason"><c>assigned</c> by the split; <c>kept</c>: it was shown that before, in this run; <c>outsideCoverage</c>;
/// <c>outsideLayer</c>.</param>
public sealed record UnitAssignment(
    string Unit,
    int Bucket,
    [property: System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)]
    string? Variant,
    AssignmentReason Reason);
