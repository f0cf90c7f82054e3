using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Segmentation.Api.Customers;

/// <summary>What a writer of one customer says of its change, so that only segments that read it are evaluated.</summary>
internal static class ProfileChanges
{
    private static readonly IReadOnlySet<string> Unread = CustomerColumns.MadeBy(Maker.Write);

    /// <summary>The members of a tracked customer that have changed, as rules read them: <c>Demographic.GenderFolded</c>.</summary>
    public static string[] Changed(EntityEntry<Customer> entry)
    {
        entry.DetectChanges();
        return [.. Names(entry.Metadata.GetProperties().Where(p => entry.Property(p.Name).IsModified)),
            .. entry.Metadata.GetComplexProperties().SelectMany(part =>
                Names(part.ComplexType.GetProperties().Where(p => entry.ComplexProperty(part.Name).Property(p.Name).IsModified))
                    .Select(name => $"{part.Name}.{name}"))];

        static IEnumerable<string> Names(IEnumerable<IProperty> modified) => modified.Select(p => p.Name).Except(Unread);
    }
}
