namespace Segmentation.Rules;

/// <summary>Marks the property of an item that a <see cref="KeyedList{T}"/> keeps it by.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ListKeyAttribute : Attribute;

/// <summary>
/// A list that also knows its items by a key. Most rules ask for events of one type; a busy customer has hundreds of all, and there may be hundreds of rules.
/// </summary>
/// <param name="key">What <see cref="ListKeyAttribute"/> marks; it must not change while an item is in the list.</param>
public sealed class KeyedList<T>(Func<T, string> key) : List<T>
{
    private static readonly List<T> none = [];

    private readonly Dictionary<string, List<T>> groups = new(StringComparer.Ordinal);
    private int grouped;

    /// <summary>The items of one key, in the list's order. Not to be written to, and no longer true when the list is.</summary>
    public List<T> Of(string value)
    {
        if (grouped != Count)
        {
            Group();
        }

        return groups.GetValueOrDefault(value, none);
    }

    // Items come and go only between the times that they are asked for, and one that is replaced by another is not among what is done here.
    private void Group()
    {
        groups.Clear();
        string? last = null;
        List<T> group = none;
        foreach (var item in this)
        {
            var its = key(item);
            if (!ReferenceEquals(its, last) && !groups.TryGetValue(last = its, out group!))
            {
                groups.Add(its, group = []);
            }

            group.Add(item);
        }

        grouped = Count;
    }
}
