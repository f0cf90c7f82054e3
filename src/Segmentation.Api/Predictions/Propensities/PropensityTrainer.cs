using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Analyses;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Models.Propensities;

namespace Segmentation.Api.Predictions;

/// <summary>
/// Fits propensity, out of time: learned at s₁ from what came until s₂, tested there on what came since; what comes into force is learned
/// at s₂.
/// </summary>
internal sealed class PropensityTrainer(SegmentationDb db, PropensityReader reader, PredictionOptions options) : ModelTrainer
{
    private const int Seed = 1;

    public override string Type => PropensityType.TypeName;

    public override async Task<ModelFit> FitAsync(FitTask task, AnalysisRun run, CancellationToken cancellation)
    {
        var settings = task.Model.Settings;
        var within = settings.WithinDays!.Value;

        // As of the time of day at which customers are scored: a day's events are as far then as they will be in life.
        var end = options.FindLast(Earlier(options.FindEnd(task.AsOf).AddMicroseconds(-1), run.StartedAt));
        var (learned, tested) = (Moment(end, 2 * within, within), Moment(end, within, within));
        if (task.HoldoutDays is { } held && held != within)
        {
            run.Warn("holdout-days", $"holdoutDays is not read: a propensity is tested on the last withinDays, here {within}.");
        }

        if (settings.Features is { Count: > 0 } named)
        {
            run.Warn("attributes-of-today", $"Attributes stand as they are today, and could tell the future: {string.Join(", ", named)}. "
                + "If they change because the goal came, the report is too good.");
        }

        var features = await reader.ChooseAsync(settings, tested, cancellation);
        run.Report(0.05);
        var earlier = await SampleAsync(settings, features, learned, null, cancellation);
        run.Report(0.2);
        CheckEnough(earlier.Rows, learned);
        var model = PropensityTraining.Fit(earlier.Rows, Seed);
        cancellation.ThrowIfCancellationRequested();
        run.Report(0.5);
        var test = new PropensityTest(model, earlier.Rows);
        var later = await SampleAsync(settings, features, tested, test, cancellation);
        CheckEnough(later.Rows, tested);
        run.Report(0.65);
        var report = test.Report();
        if (!report.HasSkill)
        {
            throw AnalysisFailure.NoSkill(FormattableString.Invariant(
                $"Held against what came, it tells no better than the base rate (Brier {report.Calibration.Brier:0.0000} against ")
                + FormattableString.Invariant($"{report.Calibration.BaseBrier:0.0000}). What was in force before stays."));
        }

        if (report.BestFeature is { } best && report.Calibration.Auc!.Value.Value <= best.Auc.Value)
        {
            run.Warn("single-feature", $"{best.Feature} alone orders customers as well as the model does.");
        }

        var inForce = PropensityTraining.Fit(later.Rows, Seed);
        return new ModelFit(
            ToNode(new PropensityData(
                learned.Today, task.AsOf, later.Customers, later.Rows.Rows.Count, later.Rows.Happened, features.ListNames().Length)),
            ToNode(new PropensityParameters(features, inForce)),
            ToNode(new PropensityFitReport(
                within, learned.At, tested.At, tested.Until, test.Found.Customers, test.Found.Happened, earlier.Rows.Rows.Count,
                CalibrationReport.From(report.Calibration), report.BestFeature is { } single
                    ? new FeatureReport(single.Feature, single.Auc.Value, [single.Auc.Interval.Low, single.Auc.Interval.High])
                    : null)));
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private static JsonNode ToNode<T>(T value) => JsonSerializer.SerializeToNode(value, Json.Options)!;

    private static void CheckEnough(FeatureRows rows, PropensityMoment moment)
    {
        var (with, without) = (rows.Happened, rows.Rows.Count - rows.Happened);
        if (with < PropensityTraining.LeastOfOutcome || without < PropensityTraining.LeastOfOutcome)
        {
            throw AnalysisFailure.TooFewData(
                FormattableString.Invariant($"Too few customers had the goal, or had not, after {moment.Today:yyyy-MM-dd}. A longer ")
                + "withinDays, a wider goal or a longer history may do.",
                new Dictionary<string, decimal>
                {
                    ["customersWithTheGoal"] = PropensityTraining.LeastOfOutcome,
                    ["customersWithoutTheGoal"] = PropensityTraining.LeastOfOutcome,
                },
                new Dictionary<string, decimal> { ["customersWithTheGoal"] = with, ["customersWithoutTheGoal"] = without });
        }
    }

    private PropensityMoment Moment(DateTimeOffset end, int daysBefore, int within)
    {
        var at = end.AddDays(-daysBefore);
        return new PropensityMoment(at, at.AddDays(within), options.FindDay(at));
    }

    // All are tested; at most so many are kept to learn from, by a hash of who they are.
    private async Task<(FeatureRows Rows, long Customers)> SampleAsync(
        ModelSettings settings, PropensityFeatures features, PropensityMoment moment, PropensityTest? test, CancellationToken cancellation)
    {
        var customers = await reader.CountAsync(settings, moment, cancellation);

        // Three standard deviations below, so that chance does not draw more.
        const double most = PropensityTraining.MostCustomers;
        var share = customers <= most ? 1 : (most - (3 * Math.Sqrt(most))) / customers;
        var rows = new FeatureRows(features.ListNames());
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await foreach (var row in reader.ReadAsync(connection, null, settings, features, moment, cancellation))
        {
            test?.Add(row.Values, row.Happened);
            if (CustomerHash.Share(~Seed, row.Customer) < share)
            {
                rows.Add(row);
            }
        }

        return (rows, customers);
    }
}

/// <summary>What propensity was fitted on.</summary>
/// <param name="From">The day of the first features.</param>
/// <param name="To">The last day of the data.</param>
/// <param name="Customers">Those known withinDays before it.</param>
/// <param name="Trained">Those of them that were learned from.</param>
/// <param name="Happened">To how many of these the goal came.</param>
/// <param name="Features">How many features were read.</param>
internal sealed record PropensityData(DateOnly From, DateOnly To, long Customers, int Trained, int Happened, int Features);

/// <summary>All that scoring needs.</summary>
/// <param name="Features">What is read of customers.</param>
/// <param name="Model">The sum of step functions, and its calibration.</param>
internal sealed record PropensityParameters(PropensityFeatures Features, PropensityModel Model)
{
    /// <summary>The fields that a version reads or has learned of, by the names that rules have for them; none of other types.</summary>
    public static IEnumerable<string> ListFields(ModelSettings settings, JsonElement stored)
    {
        if (settings.Type != PropensityType.TypeName)
        {
            return [];
        }

        var parameters = stored.Deserialize<PropensityParameters>(Json.Options)!;
        return settings.ListFields().Concat(parameters.Features.ListFields(parameters.Model.Shapes.Select(s => s.Feature)));
    }
}

/// <summary>Propensity held against what came.</summary>
/// <param name="WithinDays">The time that the goal had.</param>
/// <param name="LearnedAt">The instant of the features that it learned from.</param>
/// <param name="TestedAt">The instant of those that it was tested on: the end of what it learned from.</param>
/// <param name="Until">The end of what came.</param>
/// <param name="Customers">Those tested: all that were known.</param>
/// <param name="Happened">To how many of them the goal came.</param>
/// <param name="Trained">How many it had learned from.</param>
/// <param name="Calibration">How good its probabilities were.</param>
/// <param name="BestFeature">The best that one feature alone would have done.</param>
internal sealed record PropensityFitReport(
    int WithinDays, DateTimeOffset LearnedAt, DateTimeOffset TestedAt, DateTimeOffset Until, long Customers, long Happened, int Trained,
    CalibrationReport Calibration, FeatureReport? BestFeature);

/// <summary>How one feature alone orders customers.</summary>
internal sealed record FeatureReport(string Feature, double Auc, double[] AucInterval);
