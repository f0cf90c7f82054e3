namespace Segmentation.Api.Events;

/// <summary>The configuration section <c>Retention</c>: for how long what is known of people is kept.</summary>
public sealed class RetentionOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Retention";

    /// <summary>Days for which events are kept; 0 for good.</summary>
    public int EventsDays { get; set; }

    /// <summary>Days without a sign of life after which a customer is erased; 0 for never.</summary>
    public int InactiveCustomersDays { get; set; }
}
