using Segmentation.Api.Memberships;

namespace Segmentation.Api.Tests.Memberships;

public sealed class MembershipCacheTests
{
    // So many that little fits: a bit less than eight customers in each part.
    private const int Segments = 6 * 1024 * 1024;

    private readonly MembershipCache known = new(Segments);

    [Fact]
    public void Take_OfOneThatWasPut_OnlyOnce()
    {
        Put(1, 0, 64, Segments - 1);
        Assert.Equal(1, known.Count);
        Assert.Equal([0, 64, Segments - 1], known.Take(1)!.Places());
        Assert.Null(known.Take(1));
        Assert.Null(known.Take(2));
    }

    [Fact]
    public void Set_OfOneThatIsKnown_JoinsAndLeaves()
    {
        Put(1);
        known.Set(1, 5, true);
        known.Set(1, 6, true);
        known.Set(1, 6, false);
        known.Set(2, 5, true);
        Assert.Equal([5], known.Take(1)!.Places());
        Assert.Null(known.Take(2));
    }

    [Fact]
    public void Put_OfMoreThanFit_ForgetsThoseThatWereNotLookedAt()
    {
        Put(1);
        Put(2);
        for (var customer = 100; customer < 120; customer++)
        {
            Put(customer);
            known.Put(1, known.Take(1)!);
        }

        Assert.NotNull(known.Take(1));
        Assert.NotNull(known.Take(119));
        Assert.Null(known.Take(2));
        Assert.Null(known.Take(100));
        Assert.InRange(Enumerable.Range(100, 20).Count(c => known.Take(c) is not null), 5, 14);
    }

    [Fact]
    public void Set_OfOneOfTheEarlierHalf_IsSeen()
    {
        Put(1);
        for (var customer = 100; customer < 107; customer++)
        {
            Put(customer);
        }

        known.Set(1, 3, true);
        Assert.Equal([3], known.Take(1)!.Places());
    }

    [Fact]
    public void Put_InPlaceOfAnother_KeepsWhatOthersHave()
    {
        Put(1, 1);
        Put(2, 2);
        Put(3, 3);
        known.Take(2);
        Put(4, 4);
        Put(5, 5);
        Put(5, 6);
        Assert.Equal([1], known.Take(1)!.Places());
        Assert.Equal([3], known.Take(3)!.Places());
        Assert.Equal([4], known.Take(4)!.Places());
        Assert.Equal([6], known.Take(5)!.Places());
        Assert.Equal(0, known.Count);
    }

    [Fact]
    public void Put_OfMany_GrowsAndKeepsWhatAllHave()
    {
        var few = new MembershipCache(1000);
        for (var customer = 0; customer < 1000; customer++)
        {
            var stored = new SegmentSet(1000);
            stored.Set(customer, true);
            few.Put(customer, stored);
        }

        Assert.Equal(1000, few.Count);
        Assert.All(Enumerable.Range(0, 1000), c => Assert.Equal([c], few.Take(c)!.Places()));
    }

    private void Put(long customer, params int[] places)
    {
        var stored = new SegmentSet(Segments);
        foreach (var place in places)
        {
            stored.Set(place, true);
        }

        known.Put(customer, stored);
    }
}
