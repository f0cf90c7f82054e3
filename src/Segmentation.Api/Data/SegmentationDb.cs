using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Data;

public sealed partial class SegmentationDb(DbContextOptions<SegmentationDb> options) : DbContext(options)
{
    public DbSet<Customer> Customers => Set<Customer>();
    public DbSet<CustomerEvent> Events => Set<CustomerEvent>();
    public DbSet<CustomerAttribute> Attributes => Set<CustomerAttribute>();
    public DbSet<Segment> Segments => Set<Segment>();
    public DbSet<SegmentVersion> SegmentVersions => Set<SegmentVersion>();
    public DbSet<ManualMember> ManualMembers => Set<ManualMember>();
    public DbSet<MembershipPeriod> Memberships => Set<MembershipPeriod>();
    public DbSet<MembershipRevision> MembershipRevisions => Set<MembershipRevision>();
    public DbSet<ChangeLogEntry> ChangeLog => Set<ChangeLogEntry>();
    public DbSet<MembershipState> MembershipStates => Set<MembershipState>();
    public DbSet<MembershipLeader> MembershipLeaders => Set<MembershipLeader>();
    public DbSet<Webhook> Webhooks => Set<Webhook>();
    public DbSet<WebhookDelivery> WebhookDeliveries => Set<WebhookDelivery>();

    /// <summary>One row: how many customers there are. Kept by a trigger, so that nobody counts a million rows to know a share.</summary>
    public DbSet<CustomerTotal> CustomerTotals => Set<CustomerTotal>();

    /// <summary>The rows that a compiled rule asks for by their type.</summary>
    public IQueryable Rows(Type type) => type == typeof(CustomerTotal) ? CustomerTotals : type == typeof(MembershipPeriod) ? Memberships : Events;

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(SegmentationDb).Assembly);
        SqlFunctions.Map(modelBuilder);
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            NameColumns(entity, "");
            var order = 0;
            foreach (var property in All(entity).OrderBy(Place))
            {
                property.SetColumnOrder(order++);
            }
        }
    }

    // Columns are snake_case, those of a part of the customer prefixed with it: demographic_birth_date.
    private static void NameColumns(IMutableTypeBase type, string prefix)
    {
        foreach (var property in type.GetProperties())
        {
            property.SetColumnName(prefix + SnakeCase(property.Name));
        }

        foreach (var part in type.GetComplexProperties())
        {
            NameColumns(part.ComplexType, $"{prefix}{SnakeCase(part.Name)}_");
        }
    }

    private static IEnumerable<IMutableProperty> All(IMutableTypeBase type) =>
        type.GetProperties().Concat(type.GetComplexProperties().SelectMany(p => All(p.ComplexType)));

    // PostgreSQL walks a row's columns from the left: those of fixed width first, then what rules read, and what was sent last.
    private static int Place(IMutableProperty property) => (Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType) switch
    {
        { IsPrimitive: true } when property.IsPrimaryKey() => 0,
        { IsPrimitive: true } => 1,
        var type when type == typeof(DateTimeOffset) || type == typeof(DateOnly) => 1,
        var type when type == typeof(decimal) => 2,
        _ when property.Name.EndsWith("Folded", StringComparison.Ordinal)
            || property.Name is nameof(Customer.ConsentsGranted) or nameof(Geographic.Climate) or nameof(Geographic.TimeZone) or nameof(CustomerEvent.Type) => 3,
        _ => 4,
    };

    private static string SnakeCase(string name) => Capital().Replace(name, "_$0").ToLowerInvariant();

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex Capital();
}
