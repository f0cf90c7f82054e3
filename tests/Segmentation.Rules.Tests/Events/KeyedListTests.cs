using Segmentation.Rules.Events;

namespace Segmentation.Rules.Tests.Events;

public class KeyedListTests
{
    [Fact]
    public void Gives_the_items_of_a_key_as_the_list_is_now()
    {
        var random = new Random(7);
        var list = new KeyedList<Item>();
        for (var round = 0; round < 200; round++)
        {
            if (random.Next(3) == 0)
            {
                var bound = random.Next(100);
                list.RemoveAll(i => i.Number < bound);
            }
            else
            {
                // Equal texts, not always the same object.
                list.Add(new Item(new string((char)('a' + random.Next(4)), 3), random.Next(100)));
            }

            foreach (var key in new[] { "aaa", "bbb", "ccc", "ddd", "eee" })
            {
                Assert.Equal(list.Where(i => i.Key == key), list.GetByKey(key));
            }
        }
    }

    [Fact]
    public void An_item_without_neighbours_of_its_key_is_found_with_the_others_of_it()
    {
        string[] texts = ["aaa", "bbb"];
        var list = new KeyedList<Item> { new(texts[0], 1), new(texts[1], 2), new(texts[0], 3), new(texts[1], 4) };

        Assert.Equal([1, 3], list.GetByKey("aaa").Select(i => i.Number));
        Assert.Equal([2, 4], list.GetByKey("bbb").Select(i => i.Number));
    }

    [Fact]
    public void As_many_others_after_all_were_removed_are_those_that_it_gives()
    {
        var list = new KeyedList<Item> { new("aaa", 1), new("bbb", 2) };
        Assert.Equal([1], list.GetByKey("aaa").Select(i => i.Number));

        list.Clear();
        list.AddRange([new("bbb", 3), new("bbb", 4)]);

        Assert.Empty(list.GetByKey("aaa"));
        Assert.Equal([3, 4], list.GetByKey("bbb").Select(i => i.Number));
    }

    private sealed record Item([property: ListKey] string Key, int Number);
}
