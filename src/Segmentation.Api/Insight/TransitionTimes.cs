using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>The instants at which customers are followed: listed, or the bounds of a period's intervals.</summary>
internal static class TransitionTimes
{
    /// <summary>How many, at most.</summary>
    public const int Most = 60;

    private const string Shape = "at must hold 2 to 60 instants in order, or be a period: {\"from\",\"to\",\"interval\"}.";

    /// <summary>Reads them.</summary>
    /// <param name="at">The body's property.</param>
    /// <param name="asOf">None is later.</param>
    /// <exception cref="ApiProblem">400 at what is wrong.</exception>
    public static DateTimeOffset[] Read(JsonElement? at, DateTimeOffset asOf)
    {
        var instants = at?.ValueKind switch
        {
            JsonValueKind.Array => [.. at.Value.EnumerateArray().Take(Most + 1).Select((e, i) => ReadInstant(e, $"/at/{i}"))],
            JsonValueKind.Object => Divide(at.Value, asOf),
            _ => throw ApiProblem.Invalid("/at", Shape),
        };
        if (instants.Length is < 2 or > Most)
        {
            throw ApiProblem.Invalid("/at", Shape);
        }

        for (var i = 0; i < instants.Length; i++)
        {
            if (instants[i] > asOf)
            {
                throw ApiProblem.Invalid($"/at/{i}", "No instant may be after asOf, or after now: of what is to come nothing is known.");
            }

            if (i > 0 && instants[i] <= instants[i - 1])
            {
                throw ApiProblem.Invalid($"/at/{i}", "Each instant must be after the one before it.");
            }
        }

        return instants;
    }

    private static DateTimeOffset[] Divide(JsonElement period, DateTimeOffset asOf)
    {
        string[] names = ["from", "to", "interval"];
        if (period.EnumerateObject().Select(p => p.Name).FirstOrDefault(n => !names.Contains(n)) is { } unknown)
        {
            throw ApiProblem.Invalid(
                $"/at/{unknown}", $"{ErrorText.Quote(unknown)} is not a property here. {NearestName.Hint(unknown, names)}");
        }

        var (from, to) = (Find("from"), Find("to"));
        var end = to ?? asOf;
        if (from is not { } start || start >= end || end > asOf)
        {
            throw ApiProblem.Invalid("/at/from", "from must be an instant before to, and to may not be after asOf.");
        }

        var unit = period.TryGetProperty("interval", out var named) && named.ValueKind == JsonValueKind.String
            && Enum.GetNames<CalendarUnit>().FirstOrDefault(n => JsonNamingPolicy.CamelCase.ConvertName(n) == named.GetString()) is { } name
            ? Enum.Parse<CalendarUnit>(name)
            : throw ApiProblem.Invalid("/at/interval", "interval must be hour, day, week or month.");
        DateTimeOffset[] bounds = [start, .. new Calendar(TimeZones.Default).Between(start, end, unit).Take(Most)];
        return bounds.Length <= Most
            ? bounds
            : throw ApiProblem.Invalid(
                "/at/interval", $"There would be more than {Most} instants: choose longer intervals or a shorter period.");

        DateTimeOffset? Find(string property) =>
            period.TryGetProperty(property, out var value) ? ReadInstant(value, $"/at/{property}") : null;
    }

    private static DateTimeOffset ReadInstant(JsonElement value, string pointer) =>
        (value.ValueKind == JsonValueKind.String ? DateValue.ParseInstant(value.GetString()!) : null)
        ?? throw ApiProblem.Invalid(pointer, $"Must be {Instant.Description}.");
}
