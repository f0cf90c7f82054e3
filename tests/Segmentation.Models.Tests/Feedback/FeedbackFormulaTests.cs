using Segmentation.Models.Feedback;

namespace Segmentation.Models.Tests;

/// <summary>Scores, NPS and the weights of words: by hand, or a second way.</summary>
public sealed class FeedbackFormulaTests
{
    [Theory]
    [InlineData(0, 10, 0, -1.0)]
    [InlineData(0, 10, 3, -0.4)]
    [InlineData(0, 10, 5, 0.0)]
    [InlineData(0, 10, 10, 1.0)]
    [InlineData(1, 5, 1, -1.0)]
    [InlineData(1, 5, 2, -0.5)]
    [InlineData(1, 5, 3, 0.0)]
    [InlineData(1, 5, 4, 0.5)]
    [InlineData(1, 5, 4.3, 0.65)]
    [InlineData(1, 7, 2, -0.667)]
    [InlineData(1, 7, 6, 0.667)]
    [InlineData(-100, 100, 12.5, 0.125)]
    [InlineData(0, 10, 10.001, null)]
    [InlineData(0, 10, -1, null)]
    [InlineData(1, 5, 0, null)]
    public void Score_OnItsScale_IsLinearWithItsMiddleAtZero(double low, double high, double score, double? expected) =>
        Assert.Equal((decimal?)expected, new SentimentScale((decimal)low, (decimal)high).ToSentiment((decimal)score));

    [Fact]
    public void Satisfied_IsThreeQuartersUpTheScale()
    {
        Assert.Equal(4m, new SentimentScale(1, 5).SatisfiedFrom);
        Assert.Equal(5.5m, new SentimentScale(1, 7).SatisfiedFrom);
        Assert.Equal(7.5m, new SentimentScale(0, 10).SatisfiedFrom);
    }

    [Fact]
    public void NetPromoterScore_IsAsWorkedOutByHand()
    {
        // 50 promoters, 20 detractors of 100: 30; variance 0.5 + 0.2 - 0.09 = 0.61, 196 √(0.61 / 100) = 15.308.
        var score = new NetPromoterScore(50, 20, 100);
        Assert.Equal(30, score.Points, 12);
        Assert.Equal(30 - 15.308089, score.Interval().Low, 5);
        Assert.Equal(30 + 15.308089, score.Interval().High, 5);

        // All of one kind: nothing varies.
        Assert.Equal(100, new NetPromoterScore(7, 0, 7).Interval().Low, 9);
        Assert.Equal(-100, new NetPromoterScore(0, 3, 3).Points, 12);
    }

    [Fact]
    public void NetPromoterScore_IntervalIsThatOfTheMeanOfOnesZerosAndMinusOnes()
    {
        double[] worth = [.. Enumerable.Repeat(1.0, 31), .. Enumerable.Repeat(0.0, 11), .. Enumerable.Repeat(-1.0, 17)];
        var mean = worth.Average();
        var error = Math.Sqrt(worth.Sum(x => (x - mean) * (x - mean)) / worth.Length / worth.Length);
        var score = new NetPromoterScore(31, 17, worth.Length);
        Assert.Equal(100 * mean, score.Points, 10);
        Assert.Equal(100 * (mean + (1.96 * error)), score.Interval().High, 10);
    }

    [Fact]
    public void TermWeights_AreAsWorkedOutByHand()
    {
        // 10 words of each side; background 40. "good": (8+9)/(10+40-17) = 17/33 against (1+9)/(10+40-10) = 10/40.
        var weights = TermWeights.Compare([new(8, 1, 9), new(1, 8, 9), new(1, 1, 22)]);
        var expected = (Math.Log(17 / 33.0) - Math.Log(10 / 40.0)) / Math.Sqrt((1 / 17.0) + (1 / 10.0));
        Assert.Equal(expected, weights[0], 12);
        Assert.Equal(-expected, weights[1], 12);
        Assert.Equal(0, weights[2], 12);
    }

    [Fact]
    public void TermWeights_OfTwoLikeSides_SeldomPassTwoStandardErrors()
    {
        // Words drawn by Zipf's law, the same on both sides, before a large background.
        var random = new Random(5);
        var shares = Enumerable.Range(1, 200).Select(i => 1.0 / i).ToArray();
        var total = shares.Sum();
        var (passed, all) = (0, 0);
        for (var run = 0; run < 20; run++)
        {
            var (positive, negative) = (Draw(5000), Draw(2000));
            var weights = TermWeights.Compare([.. positive.Select((p, i) => new TermCount(p, negative[i], p + negative[i]))]);
            passed += weights.Count(w => Math.Abs(w) > 1.96);
            all += weights.Length;
        }

        // The prior draws to each other what would pass in one of twenty.
        Assert.InRange((double)passed / all, 0, 0.05);

        int[] Draw(int count)
        {
            var drawn = new int[shares.Length];
            for (var i = 0; i < count; i++)
            {
                var at = random.NextDouble() * total;
                var word = 0;
                while ((at -= shares[word]) > 0 && word < shares.Length - 1)
                {
                    word++;
                }

                drawn[word]++;
            }

            return drawn;
        }
    }
}
