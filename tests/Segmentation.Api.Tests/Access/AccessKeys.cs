using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Access;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests;

/// <summary>Makes API keys without the API.</summary>
internal static class AccessKeys
{
    /// <summary>Makes a key with a given id, and returns it whole.</summary>
    public static async Task<string> AddAsync(
        IServiceProvider services, string id, string[] scopes, Action<ApiKey>? change = null, int secrets = 1)
    {
        var now = DateTimeOffset.UtcNow;
        var tokens = Enumerable.Range(0, secrets).Select(_ => ApiKeyToken.Create(id)).ToList();
        var key = new ApiKey
        {
            Id = id,
            Name = id,
            Scopes = scopes,
            CreatedAt = now,
            CreatedBy = "test",
            ExpiresAt = now.AddDays(1),
            Version = 1,
            Secrets = [.. tokens.Select(t => new ApiKeySecret { Hash = t.Hash, ProofKey = t.ProofKey, CreatedAt = now })],
        };
        change?.Invoke(key);
        var db = services.GetRequiredService<SegmentationDb>();
        db.ApiKeys.Add(key);
        await using var transaction = await db.Database.BeginTransactionAsync();
        await db.SaveChangesAsync();
        await transaction.CommitAsync();
        return tokens[0].ToString();
    }
}
