namespace Segmentation.Api.Webhooks;

/// <summary>The settings under <c>Webhooks</c>.</summary>
public sealed class WebhookOptions
{
    /// <summary>Whether a webhook may be told over http, where anybody on the way reads who is in a segment.</summary>
    public bool AllowHttp { get; set; }

    /// <summary>Whether a webhook may lead to loopback, private and other addresses that are not on the public internet.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>How long what was delivered is kept, to be replayed.</summary>
    public int KeepDeliveredHours { get; set; } = 72;

    /// <summary>How long dead letters are kept.</summary>
    public int KeepDeadDays { get; set; } = 30;

    /// <summary>Messages under way to one webhook at a time.</summary>
    public int Parallelism { get; set; } = 16;

    /// <summary>How long one attempt may take.</summary>
    public double TimeoutSeconds { get; set; } = 15;
}
