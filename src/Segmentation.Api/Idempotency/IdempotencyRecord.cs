using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Data;

namespace Segmentation.Api.Idempotency;

/// <summary>What a request with an idempotency key was, and how it was answered; written in the transaction of what it did.</summary>
public sealed class IdempotencyRecord
{
    public const int MediaTypeMaxLength = 100;

    /// <summary>Who sent it, where to, and its key.</summary>
    public required byte[] ScopeHash { get; set; }

    /// <summary>What was sent.</summary>
    public required byte[] Fingerprint { get; set; }

    /// <summary>Null only until the transaction ends.</summary>
    public short? Status { get; set; }
    public string? Location { get; set; }
    public string? EntityTag { get; set; }
    public string? MediaType { get; set; }

    /// <summary>Null where it was not kept: it was too large, or shows a secret that can't be encrypted.</summary>
    public byte[]? Body { get; set; }

    /// <summary>The body shows a secret, and is sealed where it is kept.</summary>
    public bool IsSecret { get; set; }

    /// <summary>Hashes of the texts that it had and that it was answered with, ids of customers among them.</summary>
    public long[] Mentions { get; set; } = [];
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class IdempotencyMapping : IEntityTypeConfiguration<IdempotencyRecord>
{
    public void Configure(EntityTypeBuilder<IdempotencyRecord> builder)
    {
        builder.ToTable("idempotency").HasKey(r => r.ScopeHash);
        builder.Property(r => r.MediaType).HasMaxLength(IdempotencyRecord.MediaTypeMaxLength);
        builder.HasIndex(r => r.CreatedAt).HasDatabaseName("ix_idempotency_created");
        builder.HasIndex(r => r.Mentions).HasMethod("gin").HasDatabaseName("ix_idempotency_mentions");
    }
}

/// <summary>The table of this room.</summary>
internal static class IdempotencyTables
{
    extension(SegmentationDb db)
    {
        public DbSet<IdempotencyRecord> IdempotencyRecords => db.Set<IdempotencyRecord>();

        /// <summary>The records that mention somebody, in order, after one of them.</summary>
        /// <param name="texts">The id, and the email where there is one.</param>
        /// <param name="after">The last one's hash; empty for the first.</param>
        public IQueryable<IdempotencyRecord> RequestsAbout(string[] texts, byte[] after) => db.IdempotencyRecords.FromSql(
            $"""
            SELECT * FROM idempotency WHERE mentions && {texts.SelectMany(Mentions.Hashes).ToArray()} AND scope_hash > {after}
            ORDER BY scope_hash
            """);

        /// <summary>Deletes the records that mention somebody; in the caller's transaction.</summary>
        /// <param name="texts">The id, and the email where there is one.</param>
        /// <param name="cancellation">Ends it.</param>
        /// <returns>How many.</returns>
        public Task<int> ForgetRequestsAsync(string[] texts, CancellationToken cancellation) => db.Database.ExecuteSqlAsync(
            $"DELETE FROM idempotency WHERE mentions && {texts.SelectMany(Mentions.Hashes).ToArray()}", cancellation);
    }
}
