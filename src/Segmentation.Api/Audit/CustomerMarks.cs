using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Audit;

/// <summary>
/// Names a person without saying who it is: 16 bytes of an HMAC-SHA256. The same text has the same mark for good, and nobody without the
/// key can try out whose it is.
/// </summary>
/// <remarks>
/// The secret behind the key is 32 random bytes that the database keeps, encrypted by <see cref="SecretBox"/>, so that marks stay what they
/// are when <c>Secrets:KeyFile</c> gets another key. Without such a file it is stored as it is, and whoever has the whole database can try
/// out whose a mark is. Without the key that encrypted it a new secret is made, and marks from before name nobody that can be found.
/// </remarks>
public sealed partial class CustomerMarks(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, SecretBox box, ILogger<CustomerMarks> logger)
{
    /// <summary>Bytes of a mark.</summary>
    public const int Size = 16;

    /// <summary>What a mark begins with as it is written.</summary>
    internal const string Prefix = "hmac:";

    private const string Purpose = "marks";
    private volatile byte[]? key;

    /// <summary>A customer in the audit log: <c>customers/hmac:…</c>.</summary>
    public async ValueTask<string> NameAsync(string customerId, CancellationToken cancellation) =>
        $"customers/{Write(await ComputeAsync(customerId, cancellation))}";

    /// <summary>The mark of a customer's id.</summary>
    public async ValueTask<byte[]> ComputeAsync(string customerId, CancellationToken cancellation) =>
        Compute(await GetKeyAsync(cancellation), customerId);

    /// <summary>What <see cref="Compute"/> needs, to be read once for many.</summary>
    public async ValueTask<byte[]> GetKeyAsync(CancellationToken cancellation) => key ??= await ReadKeyAsync(cancellation);

    /// <summary>The mark of a text.</summary>
    /// <param name="key">Of <see cref="GetKeyAsync"/>.</param>
    public static byte[] Compute(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text))[..Size];

    /// <summary>A mark as it is written.</summary>
    public static string Write(byte[] mark) => $"{Prefix}{Convert.ToHexStringLower(mark)}";

    private async Task<byte[]> ReadKeyAsync(CancellationToken cancellation)
    {
        var rows = await ListAsync(cancellation);
        if (!rows.Exists(CanOpen))
        {
            if (rows is not [])
            {
                LogLost();
            }

            // Of several processes that find none the first adds one.
            var made = box.Seal(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), Purpose);
            await database.ExecuteAsync(
                "INSERT INTO mark_key (sealed, follows) VALUES ($1, $2) ON CONFLICT DO NOTHING", cancellation,
                SqlParameter.Create(made), SqlParameter.Create(rows is [.., var newest] ? newest.Id : 0));
            rows = await ListAsync(cancellation);
        }

        var (id, stored) = rows.Find(CanOpen);
        var secret = box.Open(stored, Purpose);
        if (box.HasKey && !box.IsCurrent(stored))
        {
            await database.ExecuteAsync(
                "UPDATE mark_key SET sealed = $2 WHERE id = $1", cancellation, SqlParameter.Create(id),
                SqlParameter.Create(box.Seal(secret, Purpose)));
        }

        return HKDF.DeriveKey(HashAlgorithmName.SHA256, Convert.FromBase64String(secret), 32, info: "customer marks"u8.ToArray());

        bool CanOpen((int Id, string Sealed) row) => box.FindMissingKey(row.Sealed) is null;
    }

    [LoggerMessage(LogLevel.Error, "Secrets:KeyFile has not the key that the secret of marks is encrypted by: a new secret is made. Late "
        + "events and imports bring back who was erased before, until the service is started with that key again.")]
    private partial void LogLost();

    private Task<List<(int Id, string Sealed)>> ListAsync(CancellationToken cancellation) =>
        database.QueryAsync("SELECT id, sealed FROM mark_key ORDER BY id", r => (r.GetInt32(0), r.GetString(1)), cancellation);
}
