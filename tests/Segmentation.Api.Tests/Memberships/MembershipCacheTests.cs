using Segmentation.Api.Memberships;

namespace Segmentation.Api.Tests.Memberships;

public sealed class MembershipCacheTests
{
    // So many that little fits: a bit less than eight customers in each generation.
    private const int Segments = 6 * 1024 * 1024;

    private readonly MembershipCache cache = new(Segments);

    [Fact]
    public void Take_CachedCustomer_OnlyOnce()
    {
        Put(1, 0, 64, Segments - 1);
        Assert.Equal(1, cache.Count);
        Assert.Equal([0, 64, Segments - 1], cache.Take(1)!.Ordinals());
        Assert.Null(cache.Take(1));
        Assert.Null(cache.Take(2));
    }

    [Fact]
    public void Set_CachedCustomer_JoinsAndLeaves()
    {
        Put(1);
        cache.Set(1, 5, true);
        cache.Set(1, 6, true);
        cache.Set(1, 6, false);
        cache.Set(2, 5, true);
        Assert.Equal([5], cache.Take(1)!.Ordinals());
        Assert.Null(cache.Take(2));
    }

    [Fact]
    public void Put_MoreThanFit_EvictsThoseNotTakenSince()
    {
        Put(1);
        Put(2);
        for (var customer = 100; customer < 120; customer++)
        {
            Put(customer);
            cache.Put(1, cache.Take(1)!);
        }

        Assert.NotNull(cache.Take(1));
        Assert.NotNull(cache.Take(119));
        Assert.Null(cache.Take(2));
        Assert.Null(cache.Take(100));
        Assert.InRange(Enumerable.Range(100, 20).Count(c => cache.Take(c) is not null), 5, 14);
    }

    [Fact]
    public void Set_CustomerOfTheOlderGeneration_IsStored()
    {
        Put(1);
        for (var customer = 100; customer < 107; customer++)
        {
            Put(customer);
        }

        cache.Set(1, 3, true);
        Assert.Equal([3], cache.Take(1)!.Ordinals());
    }

    [Fact]
    public void Put_IntoAFreedRow_KeepsOtherCustomers()
    {
        Put(1, 1);
        Put(2, 2);
        Put(3, 3);
        cache.Take(2);
        Put(4, 4);
        Put(5, 5);
        Put(5, 6);
        Assert.Equal([1], cache.Take(1)!.Ordinals());
        Assert.Equal([3], cache.Take(3)!.Ordinals());
        Assert.Equal([4], cache.Take(4)!.Ordinals());
        Assert.Equal([6], cache.Take(5)!.Ordinals());
        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public void Put_ManyCustomers_GrowsAndKeepsAll()
    {
        var large = new MembershipCache(1000);
        for (var customer = 0; customer < 1000; customer++)
        {
            var stored = new SegmentSet(1000);
            stored.Set(customer, true);
            large.Put(customer, stored);
        }

        Assert.Equal(1000, large.Count);
        Assert.All(Enumerable.Range(0, 1000), c => Assert.Equal([c], large.Take(c)!.Ordinals()));
    }

    private void Put(long customer, params int[] ordinals)
    {
        var stored = new SegmentSet(Segments);
        foreach (var ordinal in ordinals)
        {
            stored.Set(ordinal, true);
        }

        cache.Put(customer, stored);
    }
}
