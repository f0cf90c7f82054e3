using System.Globalization;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Http;

/// <summary>
/// A request that can't be done, for a reason that its sender can understand: thrown where it is found, answered in one place as
/// problem details (RFC 9457). Not for faults of our own.
/// </summary>
public sealed class ApiProblem(int status, string title, IReadOnlyDictionary<string, string[]>? errors = null) : Exception(title)
{
    /// <summary>Seconds after which what is in the way has most likely ended.</summary>
    public const int Soon = 1;

    public int Status => status;

    /// <summary>After how many seconds the same may succeed; null where it is not said.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>JSON Pointer (or a query parameter's name) to what is wrong there.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors => errors;

    /// <summary>Which kind of problem; null for what the status means.</summary>
    public string? Type { get; init; }

    /// <summary>What <c>WWW-Authenticate</c> says, of a 401 or 403; null for nothing.</summary>
    public string? Challenge { get; init; }

    /// <summary>The faults in one text, for a report of many lines.</summary>
    public string Summary() => errors is null ? Message : string.Join(' ', errors.Select(e =>
        (e.Key.Length > 0 ? $"{e.Key.TrimStart('/').Replace('/', '.')}: " : "") + string.Join(' ', e.Value)));

    /// <summary>The <see cref="Type"/> of a problem that a client has to tell from others of its status.</summary>
    public static string Kind(string name) => $"/problems/{name}";

    public static ApiProblem NotFound(string what) => new(StatusCodes.Status404NotFound, $"There is no such {what}.");

    /// <summary>503: the service is there, and has no room for this now.</summary>
    /// <param name="why">What is in the way, as the end of a sentence.</param>
    public static ApiProblem Busy(string why) =>
        new(StatusCodes.Status503ServiceUnavailable, $"The service is busy: {why}. Try again in a second.") { RetryAfter = Soon };

    public static ApiProblem Conflict(string why) => new(StatusCodes.Status409Conflict, why);

    /// <summary>The problem of one more than there may be.</summary>
    public static ApiProblem TooMany(int max, string what) =>
        Conflict(string.Create(CultureInfo.InvariantCulture, $"There can be at most {max} {what}: delete one first."));

    public static ApiProblem Stale() =>
        new(StatusCodes.Status412PreconditionFailed, "It has changed since the version in If-Match. Read it again, and repeat the change.");

    public static ApiProblem Invalid(IEnumerable<RuleError> errors) => new(
        StatusCodes.Status400BadRequest,
        "The request is not valid.",
        errors.GroupBy(e => e.Pointer, StringComparer.Ordinal).ToDictionary(
            g => g.Key, g => g.Select(e => e.Message).Distinct().ToArray(), StringComparer.Ordinal));

    public static ApiProblem Invalid(string pointer, string message) => Invalid([new RuleError(pointer, message)]);
}
