using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Http;

namespace Segmentation.Api.Insight;

/// <summary>How customers are asked to be followed.</summary>
/// <param name="States">The keys of 2 to 20 segments. A customer's state is the first of them that it is in.</param>
/// <param name="At">2 to 60 instants, in order; or a period, <c>{"from","to","interval"}</c>, with the interval <c>hour</c>, <c>day</c>,
/// <c>week</c> or <c>month</c>, whose bounds in UTC they are.</param>
/// <param name="Ahead">How many steps ahead sizes are told: 0 to 60; 6 when left out. A step is as long as those between
/// the instants.</param>
/// <param name="Membership"><c>kept</c> (the default): the stays that are stored. <c>rule</c>: each rule evaluated as of each instant, at
/// most 400 evaluations.</param>
/// <param name="AsOf">The instant after which nothing exists; now when left out. No instant is later.</param>
public sealed record TransitionsRequest(
    [property: Needed] string?[]? States,
    [property: Needed] JsonElement? At,
    int? Ahead = null,
    MembershipSource? Membership = null,
    DateTimeOffset? AsOf = null);

/// <summary>How customers move between segments.</summary>
/// <param name="States">The segments, then <c>none</c>: in none of them; then <c>absent</c>: not there yet. Rows are in this order, columns
/// too, without <c>absent</c>, which nobody becomes.</param>
/// <param name="At">The instants, with the sizes of the states at each.</param>
/// <param name="Counts">How often each state (rows) was followed by each (columns), over all steps that are known.</param>
/// <param name="Probabilities">The same as shares of the row; a row is empty where nobody was in its state.</param>
/// <param name="Intervals">Of each of them, 95 %, Wilson's: <c>[low, high]</c>.</param>
/// <param name="Homogeneous">Whether the first half of the steps and the second move alike; null where there are not enough. Where they
/// don't, one matrix tells neither.</param>
/// <param name="Ahead">The sizes after each step from the last instant on: the present ones times the matrix, with arrivals at their mean.
/// </param>
/// <param name="Backtest">The same from the middle, by the first half alone, against what came; null where there are not
/// enough steps.</param>
/// <param name="Membership">Whose membership.</param>
/// <param name="KeptSince">From when on it is stored who was in all of the segments; null where of one nothing ever was.</param>
/// <param name="EvaluatedAt">The instant of the data.</param>
/// <param name="Warnings">What to know besides.</param>
public sealed record Transitions(
    IReadOnlyList<string> States,
    IReadOnlyList<StateSizes> At,
    IReadOnlyList<IReadOnlyList<long>> Counts,
    IReadOnlyList<IReadOnlyList<double>> Probabilities,
    IReadOnlyList<IReadOnlyList<double[]>> Intervals,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] TransitionTest? Homogeneous,
    IReadOnlyList<IReadOnlyList<double>> Ahead,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] TransitionBacktest? Backtest,
    MembershipSource Membership,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? KeptSince,
    DateTimeOffset EvaluatedAt,
    IReadOnlyList<InsightWarning> Warnings);

/// <summary>How many customers were in each state.</summary>
/// <param name="At">When.</param>
/// <param name="Sizes">Of the segments and of <c>none</c>; null where nobody knows.</param>
public sealed record StateSizes(
    DateTimeOffset At, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<long>? Sizes);

/// <summary>A test of whether two halves move alike.</summary>
/// <param name="Statistic">χ² (Anderson and Goodman 1957), added up over the states.</param>
/// <param name="Degrees">Its degrees of freedom.</param>
/// <param name="P">How likely so large a difference is if they do.</param>
public sealed record TransitionTest(double Statistic, int Degrees, double P);

/// <summary>What the first half of the steps would have told of the second.</summary>
/// <param name="From">The instant in the middle, from which it tells.</param>
/// <param name="Items">What was expected at each later instant, and what came.</param>
/// <param name="MeanAbsoluteError">By how many customers it was wrong, over states and instants.</param>
/// <param name="NaiveError">By how many "it stays as it is" was wrong.</param>
public sealed record TransitionBacktest(
    DateTimeOffset From, IReadOnlyList<ExpectedStates> Items, double MeanAbsoluteError, double NaiveError);

/// <summary>What was expected, and what came.</summary>
/// <param name="At">When.</param>
/// <param name="Expected">Sizes of the segments and of <c>none</c>.</param>
/// <param name="Actual">What they were.</param>
public sealed record ExpectedStates(DateTimeOffset At, IReadOnlyList<double> Expected, IReadOnlyList<long> Actual);
