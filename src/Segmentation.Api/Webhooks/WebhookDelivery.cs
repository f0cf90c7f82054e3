using System.Buffers.Text;
using Segmentation.Api.Changes;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// A message to one webhook: the outbox. Written in the transaction that changes membership, with all that the message says, so that it can be
/// told when customer and segment have gone.
/// </summary>
public sealed class WebhookDelivery
{
    public const int ErrorMaxLength = 200;

    /// <summary>Before an id that leaves the service.</summary>
    public const string MessagePrefix = "msg_";

    public int WebhookKey { get; set; }

    /// <summary>In the order in which things happened.</summary>
    public long Id { get; set; }

    /// <summary>The message's own id, the same on every attempt.</summary>
    public Guid MessageId { get; set; }
    public long CustomerKey { get; set; }
    public required string CustomerId { get; set; }
    public required string SegmentKey { get; set; }
    public required string SegmentName { get; set; }

    /// <summary>The segment's version.</summary>
    public int SegmentVersion { get; set; }

    /// <summary>Joined; else left.</summary>
    public bool Joined { get; set; }
    public MembershipCause Cause { get; set; }
    public string? EventId { get; set; }

    /// <summary>When it happened.</summary>
    public DateTimeOffset At { get; set; }
    public DeliveryState State { get; set; }

    /// <summary>Since it was queued, or replayed.</summary>
    public int Attempts { get; set; }

    /// <summary>The HTTP status that the last attempt got; null where it got none.</summary>
    public int? LastStatus { get; set; }

    /// <summary>What the last attempt failed of, without anything of the answer.</summary>
    public string? LastError { get; set; }

    /// <summary>When it was queued, or replayed.</summary>
    public DateTimeOffset QueuedAt { get; set; }

    /// <summary>Null unless pending.</summary>
    public DateTimeOffset? NextAttemptAt { get; set; }

    /// <summary>When it was delivered, or given up.</summary>
    public DateTimeOffset? DoneAt { get; set; }

    public static string MessageName(Guid id) => MessagePrefix + Base64Url.EncodeToString(id.ToByteArray());

    /// <summary>The id that a name stands for; null where it is no such name.</summary>
    public static Guid? MessageOf(string name) => name.StartsWith(MessagePrefix, StringComparison.Ordinal) && name.Length == MessagePrefix.Length + 22
        && Base64Url.IsValid(name.AsSpan(MessagePrefix.Length)) ? new Guid(Base64Url.DecodeFromChars(name.AsSpan(MessagePrefix.Length))) : null;
}

public enum DeliveryState : short { Pending = 0, Delivered = 1, Dead = 2 }
