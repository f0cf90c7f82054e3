using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Audit;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>A consent that an import recorded.</summary>
/// <param name="Id">The record's number.</param>
internal sealed record ImportedConsent(long Id, string CustomerId, string Purpose, bool Granted, DateTimeOffset At);

/// <summary>What a line says of a consent, where another line of its batch about the same customer has later news.</summary>
internal readonly record struct OvertakenConsent(string CustomerId, string Purpose, bool Granted, DateTimeOffset At);

/// <summary>
/// What an import leaves in the audit log of the consents that it recorded: how many, and one hash over all of them, so that nobody can
/// change the records later without being found.
/// </summary>
/// <remarks>The hash is the SHA-256 of a line a record, each with its line feed, in the order of the records' numbers: the RFC 8785 JSON
/// of <c>at</c>, <c>customer</c> (its mark, <c>customers/hmac:…</c>), <c>granted</c> and <c>purpose</c>.</remarks>
internal sealed class ImportedConsents(AuditLog log, CustomerMarks marks) : IDisposable
{
    private static readonly TimeSpan WritingTime = TimeSpan.FromSeconds(30);

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Dictionary<string, string> purposes = new(StringComparer.Ordinal);
    private (long First, long Last, long Count) records;

    /// <summary>Takes the records of a batch that is committed.</summary>
    public async Task AddAsync(IReadOnlyList<ImportedConsent> batch, CancellationToken cancellation)
    {
        if (batch.Count == 0)
        {
            return;
        }

        var key = await marks.GetKeyAsync(cancellation);
        foreach (var record in batch)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Write(record, key)));
        }

        records = (records.Count == 0 ? batch[0].Id : records.First, batch[^1].Id, records.Count + batch.Count);
    }

    /// <summary>Appends the entry; none where nothing was recorded.</summary>
    /// <param name="origin">Who asked for the import.</param>
    public async Task WriteAsync(AuditOrigin origin)
    {
        if (records.Count > 0)
        {
            // Whoever sent the file may be gone; what was stored is stored.
            using var late = new CancellationTokenSource(WritingTime);
            await log.AppendAsync(
                origin, "consents.import", "consents",
                new JsonObject
                {
                    ["firstRecord"] = records.First,
                    ["lastRecord"] = records.Last,
                    ["records"] = records.Count,
                    ["root"] = Convert.ToHexStringLower(hash.GetHashAndReset()),
                },
                late.Token);
        }
    }

    public void Dispose() => hash.Dispose();

    private string Write(ImportedConsent record, byte[] key)
    {
        if (!purposes.TryGetValue(record.Purpose, out var purpose))
        {
            purposes.Add(record.Purpose, purpose = CanonicalJson.Write((JsonNode)record.Purpose));
        }

        // In the order of RFC 8785; nothing else here needs an escape.
        var customer = CustomerMarks.Write(CustomerMarks.Compute(key, record.CustomerId));
        return $"{{\"at\":{JsonSerializer.Serialize(record.At, Json.Options)},\"customer\":\"customers/{customer}\","
            + $"\"granted\":{(record.Granted ? "true" : "false")},\"purpose\":{purpose}}}\n";
    }
}
