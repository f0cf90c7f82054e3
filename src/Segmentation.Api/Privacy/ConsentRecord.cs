namespace Segmentation.Api.Privacy;

/// <summary>
/// That a customer gave or withdrew a consent: a proof, which nobody changes. It goes with its customer. Of a purpose the record with the
/// greatest <see cref="At"/> stands, of equal ones the last received.
/// </summary>
public sealed class ConsentRecord
{
    public const int TextMaxLength = 64;
    public const int EvidenceMaxLength = 1000;

    /// <summary>Of a record that a customer's profile brought.</summary>
    public const string Profile = "profile";

    /// <summary>Of a record that an import brought.</summary>
    public const string Import = "import";

    /// <summary>In the order in which records were received.</summary>
    public long Id { get; set; }
    public long CustomerKey { get; set; }
    public required string Purpose { get; set; }
    public bool Granted { get; set; }

    /// <summary>When it was given or withdrawn.</summary>
    public DateTimeOffset At { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }

    /// <summary>Where it was given or withdrawn: a form, a call, <see cref="Profile"/>.</summary>
    public required string Source { get; set; }

    /// <summary>The policy that was shown; null where a profile or an import, which name none, brought the record.</summary>
    public string? PolicyVersion { get; set; }
    public string? Evidence { get; set; }
}
