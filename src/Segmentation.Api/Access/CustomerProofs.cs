using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Segmentation.Api.Access;

/// <summary>
/// Checks for which customers a page may ask: those whose id the owner of its public key has signed, as only that one can, whom the page's
/// own server told who is logged in.
/// </summary>
public sealed class CustomerProofs(KnownKeys keys, TimeProvider time)
{
    /// <summary>Refuses a customer whose proof is missing or wrong.</summary>
    /// <param name="customerId">The customer; null for nobody.</param>
    /// <param name="proof">Hex HMAC-SHA256 of the id's UTF-8 bytes, the key's whole secret being the HMAC's key.</param>
    /// <exception cref="Http.ApiProblem">403.</exception>
    public async ValueTask CheckAsync(Caller caller, string? customerId, string? proof, CancellationToken cancellation)
    {
        if (customerId is not null && !caller.Has(Scopes.Decisions) && !await HoldsAsync(caller, customerId, proof, cancellation))
        {
            throw AccessProblems.Unproven();
        }
    }

    private async ValueTask<bool> HoldsAsync(Caller caller, string customerId, string? proof, CancellationToken cancellation)
    {
        var sent = new byte[HMACSHA256.HashSizeInBytes];
        if (caller.Kind != CallerKind.Key || proof is not { Length: 2 * HMACSHA256.HashSizeInBytes }
            || Convert.FromHexString(proof, sent, out _, out _) != OperationStatus.Done)
        {
            return false;
        }

        var now = time.GetUtcNow();
        var id = Encoding.UTF8.GetBytes(customerId);
        return (await keys.FindAsync(caller.Id, cancellation))?.Key.Secrets.Exists(s => s.ProofKey is { } key && s.IsLive(now)
            && CryptographicOperations.FixedTimeEquals(sent, HMACSHA256.HashData(key, id))) == true;
    }
}
