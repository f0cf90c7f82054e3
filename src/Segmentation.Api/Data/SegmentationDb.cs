using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace Segmentation.Api.Data;

public sealed partial class SegmentationDb(DbContextOptions<SegmentationDb> options) : DbContext(options)
{
    private static readonly MethodInfo SetMethod = typeof(DbContext).GetMethod(nameof(Set), 1, [])!;

    /// <summary>What transactions are parts of; null while each is by itself.</summary>
    internal OuterTransaction? Outer { get; set; }

    /// <summary>Begins a transaction: by itself, or as a part of the one that writes how the request was answered.</summary>
    /// <remarks>What fails in it undoes all of it: EF Core needs no savepoint each time it saves, which is a journey more.</remarks>
    public async Task<IDbContextTransaction> BeginAsync(CancellationToken cancellation)
    {
        Database.AutoSavepointsEnabled = false;
        return Outer is { } outer ? await outer.BeginPartAsync(cancellation) : await Database.BeginTransactionAsync(cancellation);
    }

    /// <summary>The rows of a mapped type; each room has properties of its own for its tables (<c>db.Customers</c>).</summary>
    public IQueryable Rows(Type type) => (IQueryable)SetMethod.MakeGenericMethod(type).Invoke(this, null)!;

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(SegmentationDb).Assembly);
        SqlFunctions.Map(modelBuilder);
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            NameColumns(entity, "");
        }
    }

    // Columns are snake_case, those of a part of the customer prefixed with it: demographic_birth_date.
    private static void NameColumns(IMutableTypeBase type, string prefix)
    {
        foreach (var property in type.GetProperties())
        {
            // Names that a mapping gives stay: those of columns that clients and operators know, whatever the property is called by now.
            if (property.FindAnnotation(RelationalAnnotationNames.ColumnName) is null)
            {
                property.SetColumnName(prefix + SnakeCase(property.Name));
            }
        }

        foreach (var part in type.GetComplexProperties())
        {
            NameColumns(part.ComplexType, $"{prefix}{SnakeCase(part.Name)}_");
        }
    }

    private static string SnakeCase(string name) => Capital().Replace(name, "_$0").ToLowerInvariant();

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex Capital();
}
