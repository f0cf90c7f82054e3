namespace Segmentation.Api.Privacy;

/// <summary>What data of customers is used for: a registered name that consents are given to.</summary>
public sealed class Purpose
{
    public const int NameMaxLength = 63;
    public const int LabelMaxLength = 128;
    public const int DescriptionMaxLength = 1024;
    public const int ExpiresAfterMaxDays = 36_500;

    public required string Name { get; set; }
    public string? Label { get; set; }
    public string? Description { get; set; }
    public PurposeBasis Basis { get; set; }

    /// <summary>After how many days of 24 hours a consent to it has expired; null for never.</summary>
    public int? ExpiresAfterDays { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>What makes a use of data lawful (GDPR, article 6).</summary>
public enum PurposeBasis : short
{
    /// <summary>The customer has said yes.</summary>
    Consent = 1,

    /// <summary>A contract with the customer needs it.</summary>
    Contract = 2,

    /// <summary>An interest of yours outweighs the customer's.</summary>
    LegitimateInterest = 3,

    /// <summary>A law demands it.</summary>
    LegalObligation = 4,
}
