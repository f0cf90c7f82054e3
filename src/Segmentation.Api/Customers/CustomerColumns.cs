using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Segmentation.Api.Customers;

/// <summary>
/// Who makes what of a customer, as <see cref="MadeByAttribute"/> says it on the entity: the one source of every list of them.
/// </summary>
internal static class CustomerColumns
{
    private static readonly Dictionary<string, Maker> makers = typeof(Customer).GetProperties().ToDictionary(
        p => p.Name, p => p.GetCustomAttribute<MadeByAttribute>()?.Maker ?? Maker.Profile, StringComparer.Ordinal);

    /// <summary>The customer's members that one of some makers has a part in.</summary>
    public static IReadOnlySet<string> MadeBy(Maker any) => Members(maker => (maker & any) != 0);

    /// <summary>The customer's members that none of some makers has a part in.</summary>
    public static IReadOnlySet<string> NotMadeBy(Maker any) => Members(maker => (maker & any) == 0);

    /// <summary>The columns of the customers' table that a maker makes alone.</summary>
    public static IEnumerable<string> ColumnsMadeBy(IModel model, Maker maker) =>
        from property in model.FindEntityType(typeof(Customer))!.GetFlattenedProperties()
        where makers[Root(property)] == maker
        select property.GetColumnName();

    // A column of a part (demographic_gender) belongs to the member that the part is.
    private static string Root(IReadOnlyProperty property) =>
        property.DeclaringType is IReadOnlyComplexType part ? part.ComplexProperty.Name : property.Name;

    private static HashSet<string> Members(Func<Maker, bool> wanted) => [.. makers.Where(m => wanted(m.Value)).Select(m => m.Key)];
}
