using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Segmentation.Models.Opportunities;

namespace Segmentation.Api.Discovery;

/// <summary>Something that was known of customers.</summary>
/// <param name="Rule">Who satisfies it: a group of one condition.</param>
/// <param name="Text">The same in words; null where the rule says it of itself.</param>
/// <param name="Bits">They, by place.</param>
internal sealed record GroupCondition(JsonObject Rule, string? Text, ulong[] Bits);

/// <summary>Collects what groups can be described by: what enough customers have, and not all; of several that are the same customers, the
/// first.</summary>
/// <param name="halves">The customers.</param>
/// <param name="leastSize">How many of the first half have to have it.</param>
internal sealed class ConditionSet(CustomerHalves halves, int leastSize)
{
    /// <summary>A bit a customer a condition: of a million customers, 190 MB.</summary>
    public const int Most = 1_500;

    private readonly Dictionary<ulong, List<ulong[]>> known = [];

    public CustomerHalves Halves => halves;

    public List<GroupCondition> Conditions { get; } = [];

    /// <summary>How many there was no room for.</summary>
    public int LeftOut { get; private set; }

    /// <summary>Whether so many are enough of all.</summary>
    public bool IsEnough(long customers) => customers >= leastSize && customers < halves.Count;

    /// <summary>Nobody, yet.</summary>
    public ulong[] CreateEmpty() => new ulong[halves.Words];

    /// <summary>Adds one, where it can describe a group.</summary>
    public void Add(JsonObject rule, string? text, ulong[] bits)
    {
        var first = BitSets.Count(bits.AsSpan(0, halves.FirstWords));
        if (first < leastSize || first == halves.First)
        {
            return;
        }

        var alike = CollectionsMarshal.GetValueRefOrAddDefault(
            known, XxHash64.HashToUInt64(MemoryMarshal.AsBytes(bits.AsSpan())), out _) ??= [];
        if (alike.Any(other => other.AsSpan().SequenceEqual(bits)))
        {
            return;
        }

        if (Conditions.Count == Most)
        {
            LeftOut++;
            return;
        }

        alike.Add(bits);
        Conditions.Add(new GroupCondition(rule, text, bits));
    }
}
