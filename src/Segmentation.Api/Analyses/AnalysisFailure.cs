using Segmentation.Api.Http;

namespace Segmentation.Api.Analyses;

/// <summary>Why an analysis can't be done, as its sender is told: thrown where it is found.</summary>
public sealed class AnalysisFailure(AnalysisProblem problem) : Exception(problem.Title)
{
    public AnalysisProblem Problem => problem;

    /// <summary>The data can't carry it.</summary>
    /// <param name="title">What is missing, in a sentence or two.</param>
    /// <param name="needed">How many of what it takes, by name.</param>
    /// <param name="found">How many there are, by the same names.</param>
    public static AnalysisFailure TooFewData(
        string title, IReadOnlyDictionary<string, decimal> needed, IReadOnlyDictionary<string, decimal> found) =>
        new(new AnalysisProblem(ApiProblem.Kind("too-few-data"), title, needed, found));

    /// <summary>What was fitted tells nothing, or less than is known without it.</summary>
    public static AnalysisFailure NoSkill(string title) => new(new AnalysisProblem(ApiProblem.Kind("no-skill"), title));

    /// <summary>No parameters are the likeliest.</summary>
    public static AnalysisFailure NotConverged(string title) => new(new AnalysisProblem(ApiProblem.Kind("not-converged"), title));

    internal static AnalysisFailure TimedOut(int minutes) => new(new AnalysisProblem(
        ApiProblem.Kind("timed-out"),
        $"It took more than {minutes} {(minutes == 1 ? "minute" : "minutes")} and was stopped. Ask for less, or raise "
        + "Analyses:TimeoutMinutes."));

    /// <summary>It failed for no fault of its sender's.</summary>
    public static AnalysisFailure Internal(string title) => new(new AnalysisProblem(ApiProblem.Kind("internal"), title));
}

/// <summary>Why an analysis failed.</summary>
/// <param name="Type">Which kind of problem: <c>/problems/too-few-data</c>, <c>no-skill</c>, <c>not-converged</c>, <c>timed-out</c> or
/// <c>internal</c>.</param>
/// <param name="Title">What is wrong, and what to do about it.</param>
/// <param name="Needed">Of too few data: how many of what it takes, by name.</param>
/// <param name="Found">Of too few data: how many there are, by the same names.</param>
public sealed record AnalysisProblem(
    string Type, string Title, IReadOnlyDictionary<string, decimal>? Needed = null, IReadOnlyDictionary<string, decimal>? Found = null);
