using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Segmentation.Api.Access;

internal sealed class ApiKeyMapping : IEntityTypeConfiguration<ApiKey>
{
    public void Configure(EntityTypeBuilder<ApiKey> builder)
    {
        builder.ToTable("api_keys").HasKey(k => k.Key);
        builder.Property(k => k.Key).UseIdentityAlwaysColumn();
        builder.Property(k => k.Id).IsRequired().HasMaxLength(ApiKey.IdLength).UseCollation("C");
        builder.Property(k => k.Name).HasMaxLength(ApiKey.NameMaxLength);
        builder.Property(k => k.CreatedBy).HasMaxLength(ApiKey.CreatedByMaxLength);
        builder.Property(k => k.Version).IsConcurrencyToken();
        builder.HasIndex(k => k.Id).IsUnique().HasDatabaseName("ux_api_keys_id");
        builder.HasMany(k => k.Secrets).WithOne().HasForeignKey(s => s.ApiKeyKey);
    }
}

internal sealed class ApiKeySecretMapping : IEntityTypeConfiguration<ApiKeySecret>
{
    public void Configure(EntityTypeBuilder<ApiKeySecret> builder)
    {
        builder.ToTable("api_key_secrets").HasKey(s => s.Id);
        builder.Property(s => s.Id).UseIdentityAlwaysColumn();
        builder.HasIndex(s => s.ApiKeyKey).HasDatabaseName("ix_api_key_secrets_key");
    }
}
