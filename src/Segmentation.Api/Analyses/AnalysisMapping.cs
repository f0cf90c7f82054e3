using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Analyses;

internal sealed class AnalysisMapping : IEntityTypeConfiguration<Analysis>
{
    // As it was written: the binary form would order properties anew, and write small numbers out.
    private const string Text = "json";

    public void Configure(EntityTypeBuilder<Analysis> builder)
    {
        builder.ToTable("analyses").HasKey(a => a.Id);
        builder.Property(a => a.Id).HasMaxLength(36).UseCollation("C");
        builder.Property(a => a.Type).HasMaxLength(Analysis.TypeMaxLength);
        builder.Property(a => a.Request).HasColumnType(Text);
        builder.Property(a => a.Result).HasColumnType(Text);
        builder.Property(a => a.WholeResult).HasColumnType(Text);
        builder.Property(a => a.Problem).HasColumnType(Text);
        builder.Property(a => a.Warnings).HasColumnType(Text);

        // Of those that wait or run; hardly any, so that whoever looks for the next one finds it at once.
        builder.HasIndex(a => a.Fingerprint).IsUnique().HasDatabaseName("ux_analyses_open").HasFilter("status < 2");
    }
}
