using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Segmentation.Api.Customers;

/// <summary>
/// Which columns of the customers' table hold a property of a profile: its own, and those that follow from it, as a folded twin.
/// </summary>
internal sealed class ProfileColumns
{
    // By the property's bit: its columns, and the paths of their members (Demographic.Gender).
    private readonly (ulong Bit, string[] Columns, string[] Paths)[] all;

    private ProfileColumns(IEntityType customer)
    {
        var members = customer.GetFlattenedProperties().Where(p => p.PropertyInfo is not null).ToArray();
        all =
        [
            .. ProfileProperties.Members.Select(member =>
            {
                // Found by trying: what changes when the property is given a value is its own.
                var probe = new Customer { Id = "" };
                var blank = new Customer { Id = "" };
                Set(probe, member.Path, Example(member.Type));
                var changed = members.Where(p => !Equals(Get(probe, p), Get(blank, p))).ToArray();
                return (member.Bit, changed.Select(p => p.GetColumnName()).ToArray(), changed.Select(Path).ToArray());
            }),
            Document(NamedProperties.Attributes, nameof(Customer.Attributes), nameof(Customer.AttributesFolded)),
            Document(NamedProperties.Consents, nameof(Customer.Consents), nameof(Customer.ConsentsGranted)),
        ];

        (ulong, string[], string[]) Document(ulong bit, params string[] names) =>
            (bit, [.. names.Select(n => customer.FindProperty(n)!.GetColumnName())], names);
    }

    /// <summary>Those of a model; made once.</summary>
    public static ProfileColumns For(IModel model) => model.FindEntityType(typeof(Customer))!.GetOrAddRuntimeAnnotationValue(
        "Segmentation:ProfileColumns", static customer => new ProfileColumns(customer!), model.FindEntityType(typeof(Customer)));

    /// <summary>The columns of the properties that are named, by their bits.</summary>
    public IEnumerable<string> Columns(ulong named) => all.Where(p => (p.Bit & named) != 0).SelectMany(p => p.Columns);

    /// <summary>The members that hold the properties that are named, by their bits.</summary>
    public IEnumerable<string> Paths(ulong named) => all.Where(p => (p.Bit & named) != 0).SelectMany(p => p.Paths);

    private static string Path(IReadOnlyProperty property) => property.DeclaringType is IReadOnlyComplexType part
        ? $"{part.ComplexProperty.Name}.{property.Name}"
        : property.Name;

    private static object? Get(Customer customer, IReadOnlyProperty property) => property.PropertyInfo!.GetValue(
        property.DeclaringType is IReadOnlyComplexType part ? part.ComplexProperty.PropertyInfo!.GetValue(customer) : customer)
        is { } value and not System.Collections.ICollection { Count: 0 } ? value : null;

    private static void Set(object owner, string path, object value)
    {
        var names = path.Split('.');
        foreach (var name in names[..^1])
        {
            owner = owner.GetType().GetProperty(name)!.GetValue(owner)!;
        }

        owner.GetType().GetProperty(names[^1])!.SetValue(owner, value);
    }

    private static object Example(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(string) => "A",
        var t when t == typeof(string[]) => new[] { "A" },
        var t when t == typeof(DateOnly) => new DateOnly(2000, 2, 3),
        var t when t == typeof(DateTimeOffset) => DateTimeOffset.UnixEpoch,
        var t => Convert.ChangeType(1, t, System.Globalization.CultureInfo.InvariantCulture),
    };
}
