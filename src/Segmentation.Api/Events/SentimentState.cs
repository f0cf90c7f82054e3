using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Events;

/// <summary>One row: the model of texts that events are stored by, and how far stored ones were brought to it.</summary>
public sealed class SentimentState
{
    public int Id { get; set; }

    /// <summary>The model's version; null while there is none.</summary>
    public int? Version { get; set; }

    /// <summary>The model itself.</summary>
    public byte[]? Weights { get; set; }

    /// <summary>Counts the changes of the model.</summary>
    public long Changes { get; set; }

    /// <summary>Of customers up to this key, stored texts have the model's sentiments; null when those of all have.</summary>
    public long? RewrittenTo { get; set; }
}

internal sealed class SentimentStateMapping : IEntityTypeConfiguration<SentimentState>
{
    public void Configure(EntityTypeBuilder<SentimentState> builder)
    {
        builder.ToTable("sentiment_model").HasKey(s => s.Id);
        builder.Property(s => s.Id).ValueGeneratedNever();
        builder.HasData(new SentimentState { Id = 1 });
    }
}
