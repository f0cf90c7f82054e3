namespace Segmentation.Api.Access;

/// <summary>What a caller may do: one scope a route, and none contains another.</summary>
public static class Scopes
{
    public const string CustomersRead = "customers:read";
    public const string CustomersWrite = "customers:write";
    public const string EventsWrite = "events:write";
    public const string MembershipRead = "membership:read";
    public const string SegmentsRead = "segments:read";
    public const string SegmentsWrite = "segments:write";
    public const string Decisions = "decisions";
    public const string DecisionsPublic = "decisions:public";
    public const string Webhooks = "webhooks";
    public const string Privacy = "privacy";
    public const string AuditRead = "audit:read";
    public const string Admin = "admin";
    public const string Self = "self";

    /// <summary>Every scope, with what it allows as documents say it.</summary>
    public static IReadOnlyList<(string Name, string About)> Table { get; } =
    [
        (CustomersRead, "Read customers: one, lists, events, changes, exports, members as whole customers."),
        (CustomersWrite, "Create, change, import and erase customers."),
        (EventsWrite, "Send events."),
        (MembershipRead, "Who is in which segment: members' ids, single checks, counts, explain, changes, trend, flows, overlap, combine, "
            + "streams; analyses."),
        (SegmentsRead, "Read segments, versions, attributes and fields; validate and preview rules."),
        (SegmentsWrite, "Change segments, manual members and attributes."),
        (Decisions, "Ask what to show and who gets which variant, and send what was seen. For servers."),
        (DecisionsPublic, "The same of visitors alone, by the key's public form, which may stand in a page; of a customer with a "
            + "`customerProof`."),
        (Webhooks, "Webhooks and their deliveries."),
        (Privacy, "Requests of the people whose data this is, and what is sensitive."),
        (AuditRead, "Read the audit log."),
        (Admin, "API keys, refreshes, compiled rules, why the service is not ready. Contains none of the others."),
        (Self, "One customer's own: with a JWT whose customer claim is the id in the path. No API key has it."),
    ];

    /// <summary>The names of all.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Table.Select(s => s.Name)];

    /// <summary>All that a key can have.</summary>
    public static IReadOnlyList<string> OfKeys { get; } = [.. All.Where(s => s != Self)];
}
