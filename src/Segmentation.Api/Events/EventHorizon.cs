using System.Globalization;
using Segmentation.Api.Http;

namespace Segmentation.Api.Events;

/// <summary>The instant from which events are kept: what was so before it can't be told any more, and events of before are not taken.
/// </summary>
public sealed class EventHorizon(RetentionOptions options, TimeProvider time)
{
    // Ticks, so that it is read and written at once.
    private long deletedBefore;

    /// <summary>It; null where all are kept.</summary>
    public DateTimeOffset? Since
    {
        get
        {
            var set = options.EventsDays > 0 ? time.GetUtcNow().AddDays(-options.EventsDays) : DateTimeOffset.MinValue;
            var since = Math.Max(set.UtcTicks, Interlocked.Read(ref deletedBefore));
            return since == 0 ? null : new DateTimeOffset(since, TimeSpan.Zero);
        }
    }

    /// <summary>What is wrong with an instant that is before it, for a text; null where it is not.</summary>
    public string? FindFault(DateTimeOffset? at) => Since is { } since && at < since ? Describe(since) : null;

    /// <summary>What is wrong with an instant before another, for a text.</summary>
    public static string Describe(DateTimeOffset since) => string.Create(
        CultureInfo.InvariantCulture,
        $"must not be before {since.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}: what was before is no longer kept");

    /// <summary>Refuses an instant to look at that is before it.</summary>
    /// <param name="pointer">Where it was sent: a parameter, or a JSON Pointer.</param>
    /// <exception cref="ApiProblem">400.</exception>
    public void Check(string pointer, DateTimeOffset? at)
    {
        if (FindFault(at) is { } fault)
        {
            throw ApiProblem.Invalid(pointer, $"{pointer.TrimStart('/')} {fault}.");
        }
    }

    /// <summary>Notes that events before an instant were deleted, which no setting brings back.</summary>
    internal void Deleted(DateTimeOffset before)
    {
        long known;
        while ((known = Interlocked.Read(ref deletedBefore)) < before.UtcTicks)
        {
            Interlocked.CompareExchange(ref deletedBefore, before.UtcTicks, known);
        }
    }
}
