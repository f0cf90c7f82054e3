using System.Text.Json;

namespace Segmentation.Api.Audit;

/// <summary>An entry of the audit log.</summary>
/// <param name="Id">Its place in the chain, from 1, without gaps.</param>
/// <param name="At">When it was written; never before the entry before it.</param>
/// <param name="Actor">Who did it.</param>
/// <param name="Action">What was done: <c>segments.change</c>.</param>
/// <param name="Resource">To what: <c>segments/vip</c>. A customer is <c>customers/hmac:…</c>, which does not say who it is.</param>
/// <param name="RequestId">The request's <c>X-Request-Id</c>; null where there was no request.</param>
/// <param name="Before">What was before: the whole, or an RFC 6902 patch back to it. Texts that rules compare with, and paths of
/// webhooks' addresses, are shown as <c>hmac:…</c>.</param>
/// <param name="After">What is now: the whole, or an RFC 6902 patch to it.</param>
/// <param name="Hash">SHA-256, in hex, of the hash of the entry before, as 32 bytes, and of this entry without <c>hash</c> in the canonical
/// form of RFC 8785. Before the first entry stand 32 zero bytes.</param>
public sealed record AuditEntryResource(
    long Id, DateTimeOffset At, AuditActor Actor, string Action, string Resource, string? RequestId, JsonElement? Before,
    JsonElement? After, string Hash);

/// <summary>That there is an entry about something.</summary>
/// <param name="Id">Its place in the log: <c>GET /audit</c> has all of it.</param>
/// <param name="At">When.</param>
/// <param name="Action">What was done.</param>
public sealed record AuditMention(long Id, DateTimeOffset At, string Action);

/// <summary>Which entries to list.</summary>
public sealed record AuditFilter(string? Actor, string? Action, string? Resource, DateTimeOffset? From, DateTimeOffset? To);

/// <summary>The end of the chain.</summary>
/// <param name="Id">The last entry; 0 where there is none.</param>
/// <param name="Hash">Its hash.</param>
/// <param name="At">When it was written; null where there is none.</param>
public sealed record AuditHead(long Id, string Hash, DateTimeOffset? At);

/// <summary>A head that was read before and kept elsewhere.</summary>
/// <param name="Id">Its entry.</param>
/// <param name="Hash">That entry's hash, in hex.</param>
/// <param name="At">Not looked at: a head is sent as it was answered.</param>
public sealed record AuditHeadClaim(long Id, string? Hash, DateTimeOffset? At = null);

/// <summary>What to check.</summary>
/// <param name="From">The first entry; the first there is when left out.</param>
/// <param name="To">The last entry; the last there is when left out.</param>
/// <param name="Head">A head that was read before and kept elsewhere.</param>
public sealed record AuditVerification(long? From = null, long? To = null, AuditHeadClaim? Head = null);

/// <summary>What a check found.</summary>
/// <param name="Valid">Whether the chain is unbroken, and holds the head that was given.</param>
/// <param name="Checked">How many entries were read.</param>
/// <param name="FirstBad">The first entry that is changed, missing, or not in its place; null where none is.</param>
/// <param name="HeadSeen">Whether the log holds the head that was given. Null where none was: then an end that was cut off, with its
/// head set back, can't be found.</param>
public sealed record AuditVerdict(bool Valid, long Checked, long? FirstBad, bool? HeadSeen)
{
    /// <summary>What this proves, in words.</summary>
    public string About => HeadSeen switch
    {
        null => "Without a head that was kept elsewhere (GET /api/v1/audit/head), entries cut off at the end are not found.",
        true => "The log holds the head that was given: up to it nothing is cut off.",
        false => "The log does not hold the head that was given: entries were cut off, or the chain was made anew.",
    };
}
