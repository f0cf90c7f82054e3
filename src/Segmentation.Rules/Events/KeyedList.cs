namespace Segmentation.Rules.Events;

/// <summary>Marks the property of an item by which a <see cref="KeyedList{T}"/> groups it.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ListKeyAttribute : Attribute;

/// <summary>
/// A list that also finds its items by a key. Most rules read events of one type; a busy customer has hundreds of all, and there may be
/// hundreds of rules.
/// </summary>
/// <typeparam name="T">
/// A class with one string property marked by <see cref="ListKeyAttribute"/>, which must not change while an item is in the list.
/// </typeparam>
public sealed class KeyedList<T> : List<T>
    where T : class
{
    private static readonly Func<T, string> readKey = typeof(T).GetProperties()
        .Single(p => p.IsDefined(typeof(ListKeyAttribute), inherit: false))
        .GetMethod!.CreateDelegate<Func<T, string>>();

    private static readonly List<T> none = [];

    // Made when first read: most customers' events never are.
    private Dictionary<string, List<T>>? groups;
    private int grouped;

    /// <summary>The items of one key, in the list's order. Not to be written to, and valid until the list is.</summary>
    public List<T> GetByKey(string key)
    {
        if (groups is null || grouped != Count)
        {
            groups = GroupItems();
            grouped = Count;
        }

        return groups.GetValueOrDefault(key, none);
    }

    /// <summary>Removes all items; others may replace them.</summary>
    public new void Clear()
    {
        base.Clear();
        groups = null;
    }

    // Items come and go only between reads, and one is replaced by another only where all are (Clear), so that a change shows in the count.
    private Dictionary<string, List<T>> GroupItems()
    {
        var all = new Dictionary<string, List<T>>(StringComparer.Ordinal);
        string? last = null;
        List<T> group = none;
        foreach (var item in this)
        {
            var key = readKey(item);
            if (!ReferenceEquals(key, last))
            {
                last = key;
                if (!all.TryGetValue(key, out group!))
                {
                    group = [];
                    all.Add(key, group);
                }
            }

            group.Add(item);
        }

        return all;
    }
}
