using System.Buffers.Text;
using Segmentation.Api.Changes;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// A message to one webhook: the outbox. Written in the transaction that changes membership, with everything that the message says, so that
/// it can be sent when customer and segment have been deleted.
/// </summary>
public sealed class WebhookDelivery
{
    public const int ErrorMaxLength = 200;

    /// <summary>Begins an id outside the service.</summary>
    public const string MessagePrefix = "msg_";

    // 16 bytes in base64url without padding.
    private const int EncodedIdLength = 22;

    public int WebhookKey { get; set; }

    /// <summary>In the order in which things happened.</summary>
    public long Id { get; set; }

    /// <summary>The message's own id, the same on every attempt.</summary>
    public Guid MessageId { get; set; }

    /// <summary>Messages with the same are sent one after the other: a customer's.</summary>
    public long OrderKey { get; set; }

    /// <summary>Null where the segment was deleted.</summary>
    public string? CustomerId { get; set; }
    public required string SegmentKey { get; set; }
    public required string SegmentName { get; set; }

    /// <summary>The segment's version.</summary>
    public int SegmentVersion { get; set; }

    /// <summary>Joined; else left, or the segment was deleted.</summary>
    public bool Joined { get; set; }
    public MembershipCause Cause { get; set; }
    public string? EventId { get; set; }

    /// <summary>When it happened.</summary>
    public DateTimeOffset At { get; set; }
    public DeliveryState State { get; set; }

    /// <summary>Since it was queued, or replayed.</summary>
    public int Attempts { get; set; }

    /// <summary>The HTTP status of the last attempt; null where none came.</summary>
    public int? LastStatus { get; set; }

    /// <summary>Why the last attempt failed, without anything of the response.</summary>
    public string? LastError { get; set; }

    /// <summary>When it was queued, or replayed.</summary>
    public DateTimeOffset QueuedAt { get; set; }

    /// <summary>Null unless pending.</summary>
    public DateTimeOffset? NextAttemptAt { get; set; }

    /// <summary>When it was delivered, or given up.</summary>
    public DateTimeOffset? DoneAt { get; set; }

    /// <summary>A message's id as it leaves the service.</summary>
    public static string MessageName(Guid id) => MessagePrefix + Base64Url.EncodeToString(id.ToByteArray());

    /// <summary>The id that <see cref="MessageName"/> made the text of; null where it made no such text.</summary>
    public static Guid? ParseMessageName(string name)
    {
        if (!name.StartsWith(MessagePrefix, StringComparison.Ordinal) || name.Length != MessagePrefix.Length + EncodedIdLength)
        {
            return null;
        }

        var encoded = name.AsSpan(MessagePrefix.Length);
        return Base64Url.IsValid(encoded) ? new Guid(Base64Url.DecodeFromChars(encoded)) : null;
    }
}

/// <summary>What became of a message: <c>dead</c> is one that was given up after the last retry.</summary>
public enum DeliveryState : short { Pending = 0, Delivered = 1, Dead = 2 }
