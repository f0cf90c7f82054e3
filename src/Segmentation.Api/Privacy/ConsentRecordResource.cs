using System.ComponentModel;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Privacy;

/// <summary>A consent that was given or withdrawn, and what proves it.</summary>
public sealed record ConsentRecordResource
{
    /// <summary>What it is about.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public string? Purpose { get; init; }

    /// <summary>True: given; false: withdrawn.</summary>
    [AlwaysAnswered]
    [Needed]
    public bool? Granted { get; init; }

    /// <summary>When it was given or withdrawn, at most five minutes ahead; now when left out.</summary>
    [AlwaysAnswered]
    public DateTimeOffset? At { get; init; }

    /// <summary>When the service took it.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? ReceivedAt { get; init; }

    /// <summary>Where it was given or withdrawn, such as <c>checkout</c>: 1 to 64 characters. <c>profile</c> and <c>import</c> are those of
    /// a customer's body and of imports.</summary>
    [AlwaysAnswered]
    [Needed]
    public string? Source { get; init; }

    /// <summary>The policy that was shown: 1 to 64 characters. Missing where a profile or an import brought it.</summary>
    [Needed]
    public string? PolicyVersion { get; init; }

    /// <summary>What else proves it, 1,000 characters at most: the text that was agreed to, a call's number.</summary>
    public string? Evidence { get; init; }

    /// <summary>When the consent expires, unless it is given anew; from then on <c>granted</c> is false. Missing where it does not, and for
    /// one that was withdrawn.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>A consent as it stands at an instant.</summary>
    /// <param name="expiresAfterDays">After how many days it expires; null for never.</param>
    internal static ConsentRecordResource From(ConsentRecord record, int? expiresAfterDays, DateTimeOffset now)
    {
        var resource = From(record);
        return record.Granted && expiresAfterDays is { } days && record.At.AddDays(days) is var end
            ? resource with { ExpiresAt = end, Granted = now < end }
            : resource;
    }

    internal static ConsentRecordResource From(ConsentRecord record) => new()
    {
        Purpose = record.Purpose,
        Granted = record.Granted,
        At = record.At,
        ReceivedAt = record.ReceivedAt,
        Source = record.Source,
        PolicyVersion = record.PolicyVersion,
        Evidence = record.Evidence,
    };

    /// <summary>What is wrong with it as it was sent.</summary>
    internal IEnumerable<RuleError> Faults(DateTimeOffset now)
    {
        if (Granted is null)
        {
            yield return new RuleError("/granted", "granted must be true or false.");
        }

        if (IsTooLate(At, now))
        {
            yield return new RuleError("/at", "at " + TooLate);
        }

        if (!IsText(Source, 1, ConsentRecord.TextMaxLength))
        {
            yield return new RuleError("/source", "source must be a text of 1 to 64 characters, without NUL: where the customer said so.");
        }

        if (!IsText(PolicyVersion, 1, ConsentRecord.TextMaxLength))
        {
            yield return new RuleError("/policyVersion", "policyVersion must be a text of 1 to 64 characters, without NUL.");
        }

        if (Evidence is not null && !IsText(Evidence, 0, ConsentRecord.EvidenceMaxLength))
        {
            yield return new RuleError("/evidence", "evidence must be a text of 1,000 characters at most, without NUL.");
        }
    }

    /// <summary>The fault of an <c>at</c> that nothing could overturn for long.</summary>
    internal const string TooLate = "must be now or earlier; clocks may differ by five minutes.";

    /// <summary>Whether a consent's time is further ahead than clocks differ.</summary>
    internal static bool IsTooLate(DateTimeOffset? at, DateTimeOffset now) => at > now.AddMinutes(5);

    private static bool IsText(string? text, int min, int max) =>
        text is not null && text.Trim().Length >= min && text.Length <= max && !text.Contains('\0', StringComparison.Ordinal);
}

/// <summary>A customer's consents, each as it stands.</summary>
public sealed record StandingConsents
{
    /// <summary>By purpose.</summary>
    [AlwaysAnswered]
    public IReadOnlyList<ConsentRecordResource>? Items { get; init; }
}
