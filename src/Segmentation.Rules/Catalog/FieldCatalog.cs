using Segmentation.Rules.Checking;

namespace Segmentation.Rules.Catalog;

/// <summary>All fields of <typeparamref name="T"/> that a rule may name: look-up and enumeration.</summary>
public sealed class FieldCatalog<T>
{
    private readonly Dictionary<string, Field> byName;
    private readonly Func<string, Field?>? open;

    /// <param name="fields">The fixed fields, in the order in which they are shown.</param>
    /// <param name="open">Makes fields of open families (<c>properties.NAME</c>); null for a name of no such family.</param>
    /// <exception cref="ArgumentException">Two fields have one name.</exception>
    public FieldCatalog(IEnumerable<Field> fields, Func<string, Field?>? open = null)
    {
        All = [.. fields];
        byName = All.ToDictionary(f => f.Name, StringComparer.Ordinal);
        this.open = open;
    }

    /// <summary>The fixed fields, in the order in which they are shown.</summary>
    public IReadOnlyList<Field> All { get; }

    /// <summary>The field of that exact name, fixed or of an open family; null where there is none.</summary>
    public Field? Find(string name) => byName.GetValueOrDefault(name) ?? open?.Invoke(name);

    /// <summary>The same fields and more.</summary>
    /// <exception cref="ArgumentException">Two fields have one name.</exception>
    public FieldCatalog<T> With(IEnumerable<Field> more) => new(All.Concat(more), open);

    /// <summary>The same fixed fields with other open families.</summary>
    public FieldCatalog<T> WithOpen(Func<string, Field?> other) => new(All, other);

    /// <summary>The same fields, with others in the place of those of their names.</summary>
    public FieldCatalog<T> Replace(IEnumerable<Field> others)
    {
        var replaced = others.ToDictionary(f => f.Name, StringComparer.Ordinal);
        return new(All.Select(f => replaced.GetValueOrDefault(f.Name, f)), open);
    }

    /// <summary>The error text for a name that is none of a field.</summary>
    public string DescribeUnknown(string name) => $"{ErrorText.Quote(name)} is not a field. {NearestName.Hint(name, byName.Keys)}";
}
