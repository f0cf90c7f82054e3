using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Segmentation.Api.Http;

namespace Segmentation.Api.Access;

/// <summary>Finds for which customers a caller may ask.</summary>
public sealed class CustomerProofs(KnownKeys keys, TimeProvider time)
{
    /// <summary>Those that there are for whoever has the scope <c>decisions</c>; else those with a proof by the caller's own key.</summary>
    public async ValueTask<ProvenCustomers> FindAsync(Caller caller, CancellationToken cancellation)
    {
        if (caller.Has(Scopes.Decisions))
        {
            return new ProvenCustomers(null);
        }

        var key = caller.Kind == CallerKind.Key ? await keys.FindAsync(caller.Id, cancellation) : null;
        var now = time.GetUtcNow();
        return new ProvenCustomers([.. (key?.Key.Secrets ?? []).Where(s => s.IsLive(now)).Select(s => s.ProofKey).OfType<byte[]>()]);
    }
}

/// <summary>
/// The customers that a caller may ask for: those whose id the owner of its public key has signed, as only that one can, who knows from its
/// own server who is logged in.
/// </summary>
/// <param name="keys">What proofs are made with, any of them; null where none is needed.</param>
public sealed class ProvenCustomers(IReadOnlyList<byte[]>? keys)
{
    /// <summary>Refuses a customer whose proof is missing or wrong.</summary>
    /// <exception cref="ApiProblem">403.</exception>
    public void Check(string? customerId, string? proof)
    {
        if (FindFault(customerId, proof) is { } fault)
        {
            throw fault;
        }
    }

    /// <summary>A 403 for a customer whose proof is missing or wrong; null where the customer may be asked for, and for nobody.</summary>
    /// <param name="proof">Hex HMAC-SHA256 of the id's UTF-8 bytes, the key's whole secret being the HMAC's key.</param>
    public ApiProblem? FindFault(string? customerId, string? proof) =>
        customerId is null || keys is null || Holds(customerId, proof) ? null : AccessProblems.Unproven();

    private bool Holds(string customerId, string? proof)
    {
        var sent = new byte[HMACSHA256.HashSizeInBytes];
        if (proof is not { Length: 2 * HMACSHA256.HashSizeInBytes }
            || Convert.FromHexString(proof, sent, out _, out _) != OperationStatus.Done)
        {
            return false;
        }

        var id = Encoding.UTF8.GetBytes(customerId);
        return keys!.Any(key => CryptographicOperations.FixedTimeEquals(sent, HMACSHA256.HashData(key, id)));
    }
}
