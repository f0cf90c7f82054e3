using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Predictions;

/// <summary>One row: how everybody was scored last.</summary>
public sealed class ScoringState
{
    public int Id { get; set; }

    /// <summary>When; null before the first time.</summary>
    public DateTimeOffset? ScoredAt { get; set; }

    /// <summary>By which models.</summary>
    public string Models { get; set; } = "";

    /// <summary>
    /// Counts what scoring has written. Whoever reckons with what was read before another has written writes nothing: else a former leader
    /// could put old scores in the place of new ones.
    /// </summary>
    public long Writes { get; set; }
}

internal sealed class ScoringStateMapping : IEntityTypeConfiguration<ScoringState>
{
    public void Configure(EntityTypeBuilder<ScoringState> builder)
    {
        builder.ToTable("scoring_state").HasKey(s => s.Id);
        builder.Property(s => s.Id).ValueGeneratedNever();
        builder.HasData(new ScoringState { Id = 1 });
    }
}
