using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Data;

namespace Segmentation.Api.Customers;

/// <summary>
/// What a model told of everybody on a day, kept until it can be held against what came; then what was found. The customers are in
/// <see cref="ScoreCopyPart"/>s, which go when it was.
/// </summary>
public sealed class ScoreCopy
{
    /// <summary>Held exclusively by who adds a copy, until it is committed, and shared by who erases a customer: it is in no copy then.
    /// </summary>
    internal const long Lock = 0x5E675F636F707900;

    public long Id { get; set; }
    public required string ModelKey { get; set; }
    public int Version { get; set; }

    /// <summary>Whether the version looks at a day in the past.</summary>
    public bool Pinned { get; set; }

    /// <summary>The day that the scores are of.</summary>
    public DateOnly ScoredOn { get; set; }

    /// <summary>What happened later was not known.</summary>
    public DateTimeOffset From { get; set; }

    /// <summary>What happens up to here was told.</summary>
    public DateTimeOffset Until { get; set; }

    /// <summary>The version's.</summary>
    public JsonElement Settings { get; set; }

    /// <summary>The version's, where they are needed to tell again what was told; else null.</summary>
    public JsonElement? Parameters { get; set; }

    /// <summary>What was found; null before its time has come.</summary>
    public JsonElement? Result { get; set; }

    /// <summary>Keeps copies from being added until the end of the transaction; before that locks anything else.</summary>
    internal static Task HoldAsync(SegmentationDb db, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock_shared({Lock})", cancellation);

    /// <summary>Takes a customer out of all copies.</summary>
    internal static Task ForgetAsync(SegmentationDb db, long customer, CancellationToken cancellation) => db.Database.ExecuteSqlAsync(
        $"""
        UPDATE score_copy_parts SET (customers, probabilities, repeats, recency_days, age_days, paid_repeats, mean_amounts) = (
            SELECT coalesce(array_agg(k), ARRAY[]::bigint[]), array_agg(p), array_agg(x), array_agg(tx), array_agg(t), array_agg(n),
                array_agg(m)
            FROM unnest(customers, probabilities, repeats, recency_days, age_days, paid_repeats, mean_amounts) AS u(k, p, x, tx, t, n, m)
            WHERE k <> {customer})
        WHERE part = {customer / ScoreCopyPart.MostCustomers} AND {customer} = ANY (customers)
        """,
        cancellation);
}

/// <summary>Some customers of a copy: the same place in each list is the same customer. Of a propensity there are probabilities, of
/// lifetime value what its formulas were given.</summary>
public sealed class ScoreCopyPart
{
    /// <summary>Customers of a part, at most: those whose keys divided by it are <see cref="Part"/>.</summary>
    internal const int MostCustomers = 1000;

    public long CopyId { get; set; }
    public long Part { get; set; }
    public long[] Customers { get; set; } = [];
    public float[]? Probabilities { get; set; }
    public int[]? Repeats { get; set; }
    public int[]? RecencyDays { get; set; }
    public int[]? AgeDays { get; set; }
    public int[]? PaidRepeats { get; set; }
    public float[]? MeanAmounts { get; set; }
}

internal sealed class ScoreCopyMapping : IEntityTypeConfiguration<ScoreCopy>
{
    public void Configure(EntityTypeBuilder<ScoreCopy> builder)
    {
        builder.ToTable("score_copies").HasKey(c => c.Id);
        builder.Property(c => c.Id).UseIdentityAlwaysColumn();
        builder.Property(c => c.ModelKey).HasMaxLength(63).UseCollation("C");
        builder.Property(c => c.Settings).HasColumnType("json");
        builder.Property(c => c.Parameters).HasColumnType("json");
        builder.Property(c => c.Result).HasColumnType("json");
        builder.Property(c => c.From).HasColumnName("known_until");
        builder.Property(c => c.Until).HasColumnName("told_until");
        builder.HasIndex(c => new { c.ModelKey, c.Until });
    }
}

internal sealed class ScoreCopyPartMapping : IEntityTypeConfiguration<ScoreCopyPart>
{
    public void Configure(EntityTypeBuilder<ScoreCopyPart> builder)
    {
        builder.ToTable("score_copy_parts").HasKey(p => new { p.CopyId, p.Part });
        builder.HasOne<ScoreCopy>().WithMany().HasForeignKey(p => p.CopyId).OnDelete(DeleteBehavior.Cascade);

        // Whoever is erased is looked for by its part, in all copies.
        builder.HasIndex(p => p.Part);
    }
}
