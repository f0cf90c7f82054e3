namespace Segmentation.Api.Playbooks;

/// <summary>A playbook to try.</summary>
public sealed record PlaybookPreviewRequest
{
    /// <summary>The playbook; in place of <c>key</c>.</summary>
    public PlaybookResource? Playbook { get; init; }

    /// <summary>The key of a stored playbook; in place of <c>playbook</c>.</summary>
    public string? Key { get; init; }

    /// <summary>What is happening.</summary>
    public ContextResource? Context { get; init; }

    /// <summary><c>stored</c> (the default): what customers have consented to; <c>granted</c>: as if they had to everything.</summary>
    public PreviewConsents? Consents { get; init; }
}

/// <summary>Which consents a preview goes by.</summary>
public enum PreviewConsents { Stored, Granted }

/// <summary>Who of all customers would get what, now.</summary>
/// <param name="Total">All customers.</param>
/// <param name="Placements">The active placements of the playbook, by key. The counts of each add up to <c>total</c>.</param>
/// <param name="Sample">Some of those who would get a play of the playbook, at most 10; missing without the scope
/// <c>customers:read</c>.</param>
/// <param name="EvaluatedAt">The instant that it was evaluated at.</param>
public sealed record PlaybookPreview(
    long Total, IReadOnlyList<PreviewPlacement> Placements, IReadOnlyList<PreviewCustomer>? Sample, DateTimeOffset EvaluatedAt);

/// <summary>Who would get what at a placement.</summary>
/// <param name="Placement">The placement's key.</param>
/// <param name="Plays">The plays that win, those of the playbook also where they don't, in the order in which they are looked at.</param>
/// <param name="Fallback">For whom no play wins.</param>
public sealed record PreviewPlacement(string Placement, IReadOnlyList<PreviewPlay> Plays, PreviewShare Fallback);

/// <summary>Who would get a play.</summary>
/// <param name="Playbook">The playbook's key.</param>
/// <param name="Play">The play's key.</param>
/// <param name="Count">How many customers.</param>
/// <param name="Share">count / total, from 0 to 1.</param>
/// <param name="Variant">The running experiment's variant; missing where none chooses.</param>
public sealed record PreviewPlay(string Playbook, string Play, long Count, decimal Share, string? Variant = null);

/// <summary>How many.</summary>
/// <param name="Count">How many customers.</param>
/// <param name="Share">count / total, from 0 to 1.</param>
public sealed record PreviewShare(long Count, decimal Share);

/// <summary>A customer who would get a play.</summary>
/// <param name="CustomerId">The customer's id.</param>
/// <param name="Placement">The placement's key.</param>
/// <param name="Playbook">The playbook's key.</param>
/// <param name="Play">The play's key.</param>
/// <param name="Variant">The running experiment's variant; missing where none chooses.</param>
public sealed record PreviewCustomer(string CustomerId, string Placement, string Playbook, string Play, string? Variant);
