namespace Segmentation.Api.Memberships;

/// <summary>
/// Which segments' stored membership has those customers that were looked at last: whoever has just done something will soon do more, and a
/// customer's rows of membership are half of what reading it costs. Known by the only process that writes them, as long as it does.
/// </summary>
internal sealed class KnownMemberships(int segments)
{
    private const int MostBytes = 16 * 1024 * 1024;
    private const int BytesEach = 96;

    // The later and the earlier half: those of the earlier that were not looked at again are forgotten when the later is full.
    private readonly int half = MostBytes / 2 / (BytesEach + (segments / 8));
    private Dictionary<long, SegmentSet> later = [];
    private Dictionary<long, SegmentSet> earlier = [];

    /// <summary>Of how many customers it is known.</summary>
    public int Count => later.Count + earlier.Count;

    /// <summary>What is known of a customer; nothing from then on, for it is about to change.</summary>
    public SegmentSet? Take(long customer) => later.Remove(customer, out var stored) || earlier.Remove(customer, out stored) ? stored : null;

    /// <summary>What is stored of a customer now.</summary>
    public void Put(long customer, SegmentSet stored)
    {
        later[customer] = stored;
        if (later.Count >= half)
        {
            (earlier, later) = (later, new Dictionary<long, SegmentSet>(half));
        }
    }

    /// <summary>A customer has joined a segment, or left it.</summary>
    public void Set(long customer, int place, bool member)
    {
        if (later.TryGetValue(customer, out var stored) || earlier.TryGetValue(customer, out stored))
        {
            stored.Set(place, member);
        }
    }
}
