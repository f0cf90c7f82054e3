namespace Segmentation.Rules.Events;

/// <summary>Marks the property of an item that a <see cref="KeyedList{T}"/> keeps it by.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ListKeyAttribute : Attribute;

/// <summary>
/// A list that also knows its items by a key. Most rules ask for events of one type; a busy customer has hundreds of all, and there may be hundreds of rules.
/// </summary>
/// <typeparam name="T">A class of which <see cref="ListKeyAttribute"/> marks one text, which must not change while an item is in the list.</typeparam>
public sealed class KeyedList<T> : List<T>
    where T : class
{
    private static readonly Func<T, string> key = typeof(T).GetProperties().Single(p => p.IsDefined(typeof(ListKeyAttribute), inherit: false)).GetMethod!.CreateDelegate<Func<T, string>>();
    private static readonly List<T> none = [];

    // Made where it is asked for: most customers' events never are.
    private Dictionary<string, List<T>>? groups;
    private int grouped;

    /// <summary>The items of one key, in the list's order. Not to be written to, and no longer true when the list is.</summary>
    public List<T> Of(string value)
    {
        if (groups is null || grouped != Count)
        {
            groups = Group();
            grouped = Count;
        }

        return groups.GetValueOrDefault(value, none);
    }

    /// <summary>Removes all items; others may come in their place.</summary>
    public new void Clear()
    {
        base.Clear();
        groups = null;
    }

    // Items come and go only between the times that they are asked for, and one is replaced by another only where all are (Clear).
    private Dictionary<string, List<T>> Group()
    {
        var all = new Dictionary<string, List<T>>(StringComparer.Ordinal);
        string? last = null;
        List<T> group = none;
        foreach (var item in this)
        {
            var its = key(item);
            if (!ReferenceEquals(its, last) && !all.TryGetValue(last = its, out group!))
            {
                all.Add(its, group = []);
            }

            group.Add(item);
        }

        return all;
    }
}
