using Segmentation.Models.Feedback;

namespace Segmentation.Models.Tests;

/// <summary>The English list, and which texts are English.</summary>
public sealed class SentimentWordsTests
{
    [Fact]
    public void Score_IsAsWorkedOutByHand()
    {
        // good 2; very good 2.6; not good -1.5; not very good 2 × 1.3 × -0.75 = -1.95: x / √(x² + 15).
        Assert.Equal(0.459m, Score("good"));
        Assert.Equal(0.557m, Score("It is VERY good!"));
        Assert.Equal(-0.361m, Score("not good"));
        Assert.Equal(-0.361m, Score("It isn’t good."));
        Assert.Equal(-0.45m, Score("not very good"));

        // 2 × 0.5 - 2.5 × 1.5 = -2.75.
        Assert.Equal(-0.579m, Score("a good start, but garbage"));
    }

    [Theory]
    [InlineData("I love this product, it works perfectly.", 1)]
    [InlineData("Fast delivery and friendly service", 1)]
    [InlineData("Never had any problems with it", 1)]
    [InlineData("Terrible. I want a refund.", -1)]
    [InlineData("It broke after two days and support was rude", -1)]
    [InlineData("I was disappointed by the quality", -1)]
    [InlineData("It doesn't work: nothing is working", -1)]
    [InlineData("Slightly too small, not worth the price", -1)]
    [InlineData("They loved it", 1)]
    [InlineData("Quick, easy and satisfying", 1)]
    public void Score_OfPlainTexts_HasTheirSign(string text, int sign) => Assert.Equal(sign, Math.Sign(Score(text)!.Value));

    [Theory]
    [InlineData("I ordered two of these on Tuesday")]
    [InlineData("")]
    [InlineData("12345 !!!")]
    [InlineData("It will likely be the waiter")]
    public void Score_WithoutAWordOfTheList_IsMissing(string text) => Assert.Null(Score(text));

    [Fact]
    public void Score_OfAnything_IsWithinItsBounds()
    {
        Assert.InRange(Score(string.Join(' ', Enumerable.Repeat("absolutely outstanding", 5000)))!.Value, 0.99m, 1);
        Assert.InRange(Score(string.Join(' ', Enumerable.Repeat("worst", 5000)))!.Value, -1, -0.99m);
        Assert.InRange(SentimentWords.Count, 250, 350);
    }

    [Theory]
    [InlineData("The delivery was late and I am not happy", true)]
    [InlineData("It's great", true)]
    [InlineData("Was war das für ein schlechter Service, ich bin nicht zufrieden", false)]
    [InlineData("Le service est très bon et je suis content", false)]
    [InlineData("El producto es muy bueno y llegó a tiempo", false)]
    [InlineData("Il prodotto non è di buona qualità", false)]
    [InlineData("De levering was te laat en ik ben niet blij", false)]
    [InlineData("O produto é muito bom, não tenho queixas", false)]
    [InlineData("Bardzo dobra obsługa i szybka dostawa", false)]
    [InlineData("素晴らしい製品です", false)]
    [InlineData("", false)]
    public void IsEnglish_GoesByFunctionWords(string text, bool expected) =>
        Assert.Equal(expected, EnglishGuess.IsEnglish(FeedbackWords.Read(text)));

    [Theory]
    [InlineData("en", true)]
    [InlineData("EN-gb", true)]
    [InlineData("en_US", true)]
    [InlineData("English", true)]
    [InlineData("enm", false)]
    [InlineData("de", false)]
    public void IsEnglish_GoesByALanguagesName(string language, bool expected) =>
        Assert.Equal(expected, EnglishGuess.IsEnglish(language));

    [Fact]
    public void Words_AreRunsOfLetters()
    {
        Assert.Equal(["don't", "über", "naïve", "日本", "o'clock"], FeedbackWords.Read("Don’t ÜBER-naïve 42 日本 o'clock''!"));
        Assert.Equal(["a"], FeedbackWords.Read("a" + new string(' ', FeedbackWords.MaxCharacters) + "b"));
    }

    private static decimal? Score(string text) => SentimentWords.Score(FeedbackWords.Read(text));
}
