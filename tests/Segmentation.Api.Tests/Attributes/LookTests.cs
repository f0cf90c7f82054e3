using Microsoft.Extensions.Time.Testing;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Tests.Attributes;

/// <summary>When what an expensive look found is looked for again.</summary>
public sealed class LookTests
{
    private readonly FakeTimeProvider time = new();
    private int looks;

    [Fact]
    public async Task Get_AfterASlowLook_IsRememberedForTwentyTimesAsLong_ThenGivenWhileItLooksAgain()
    {
        var again = new TaskCompletionSource();
        var look = new Look<string>(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            if (++looks > 1)
            {
                await again.Task;
            }

            return $"look {looks}";
        }, "nothing", time);

        Assert.Equal("look 1", await look.GetAsync(default));
        time.Advance(TimeSpan.FromSeconds(19.9));
        Assert.Equal("look 1", await look.GetAsync(default));
        Assert.Equal(1, looks);

        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal("look 1", await look.GetAsync(default));
        again.SetResult();
        await Wait.UntilAsync(async () => await look.GetAsync(default) == "look 2", "the second look");
        Assert.Equal(2, looks);
    }

    [Fact]
    public async Task Get_AfterAQuickLook_IsNew_AndThoseAtOnceShareOne()
    {
        var may = new TaskCompletionSource();
        var look = new Look<string>(async () =>
        {
            await may.Task;
            return $"look {Interlocked.Increment(ref looks)}";
        }, "nothing", time);
        var all = Enumerable.Range(0, 10).Select(_ => look.GetAsync(default)).ToList();
        may.SetResult();
        Assert.All(await Task.WhenAll(all), found => Assert.Equal("look 1", found));
        Assert.Equal("look 2", await look.GetAsync(default));
    }

    [Fact]
    public async Task Get_OfALookThatTimesOut_IsWhatWasFoundBefore()
    {
        var slow = new Npgsql.NpgsqlException("slow", new TimeoutException());
        var look = new Look<string>(() => looks++ == 1 ? Task.FromResult("found") : throw slow, "nothing", time);
        Assert.Equal("nothing", await look.GetAsync(default));
        Assert.Equal("found", await look.GetAsync(default));
        Assert.Equal("found", await look.GetAsync(default));
        Assert.Equal(3, looks);
        var broken = new Look<string>(() => throw new InvalidOperationException("broken"), "nothing", time);
        await Assert.ThrowsAsync<InvalidOperationException>(() => broken.GetAsync(default));
    }
}
