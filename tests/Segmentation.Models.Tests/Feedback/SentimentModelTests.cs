using Segmentation.Models.Feedback;

namespace Segmentation.Models.Tests;

/// <summary>The taught model, on texts that are made here.</summary>
public sealed class SentimentModelTests
{
    // Words that go with a side in nine of ten texts that have them; the others go with neither.
    private static readonly Dictionary<string, (string[] Good, string[] Bad, string[] Neutral)> languages = new()
    {
        ["German"] = (
            ["großartig", "schnell", "freundlich", "empfehlenswert", "zuverlässig", "begeistert"],
            ["kaputt", "enttäuscht", "langsam", "unfreundlich", "mangelhaft", "ärgerlich"],
            ["das", "ist", "die", "lieferung", "produkt", "und", "wir", "haben", "bestellt", "gestern", "für", "mit"]),
        ["Spanish"] = (
            ["excelente", "rápido", "amable", "recomendable", "perfecto", "contento"],
            ["roto", "decepcionado", "lento", "grosero", "defectuoso", "horrible"],
            ["el", "producto", "es", "la", "entrega", "y", "hemos", "pedido", "ayer", "para", "con", "una"]),
        ["Japanese"] = (
            ["素晴らしい", "親切", "早い", "満足"], ["壊れた", "残念", "遅い", "不満"], ["製品", "です", "配送", "注文", "昨日", "と", "は"]),
        ["Shouting"] = (
            ["GREAT!!!", "love-it", "10/10 super"], ["WORST!!!", "hate-it", "0/10 never"], ["ok", "the", "thing", "arrived", "x"]),
    };

    public static TheoryData<string> Languages => [.. languages.Keys];

    [Theory]
    [MemberData(nameof(Languages))]
    public void Run_OnRatedTextsOfALanguage_LearnsItsWords(string language)
    {
        var training = SentimentTraining.Run(Make(language, 1200, seed: 1));
        Assert.True(training.HasSkill);
        Assert.Equal(240, training.Tested);
        Assert.InRange(training.Auc!.Value.Value, 0.85, 1);
        Assert.True(training.Accuracy > training.BaseAccuracy);
        var (good, bad, neutral) = languages[language];
        Assert.True(training.Model.Score($"{neutral[0]} {good[0]} {neutral[1]}") > 0.2m);
        Assert.True(training.Model.Score($"{neutral[0]} {bad[0]} {neutral[1]}") < -0.2m);
    }

    [Fact]
    public void Run_OnNoise_HasNoSkill()
    {
        var random = new Random(2);
        var texts = Make("German", 1500, seed: 3).Select(t => t with { IsPositive = random.Next(2) == 0 }).ToList();
        var training = SentimentTraining.Run(texts);
        Assert.False(training.HasSkill);
        Assert.InRange(training.Auc!.Value.Value, 0.4, 0.6);
    }

    [Fact]
    public void Run_WithOneSideAloneInTheNewestFifth_HasNoAuc()
    {
        var texts = Make("German", 1000, seed: 4).OrderBy(t => t.IsPositive).ToList();
        Assert.Null(SentimentTraining.Run(texts).Auc);
    }

    [Fact]
    public void Train_ReachesTheLeastLoss_AndIsTheSameEachTime()
    {
        var texts = Make("Spanish", 600, seed: 5);
        var (model, gap) = SentimentModel.Train(texts);
        Assert.InRange(gap, -1e-9, 1e-5);
        Assert.Equal(model.ToBytes(), SentimentModel.Train(texts).Model.ToBytes());
    }

    [Fact]
    public void Train_OnTwoTexts_IsAsAPlainSearchFindsIt()
    {
        // Two texts that share no place: by symmetry w·x = 2 m for the one (its places and nothing of the constant), -2 m for the other.
        var (model, _) = SentimentModel.Train([new("aaaa", true), new("zzzz", false)]);

        // The least of 2 × 10 log(1 + exp(-u)) + 2 u² / 2 over u = w·x, since places of length 1 cost u².
        var u = Enumerable.Range(0, 60_000).Select(i => i / 10_000.0).MinBy(u => (20 * Math.Log(1 + Math.Exp(-u))) + (u * u));
        Assert.Equal(1 / (1 + Math.Exp(-u)), model.Probability("aaaa")!.Value, 0.002);
        Assert.Equal(1 / (1 + Math.Exp(u)), model.Probability("zzzz")!.Value, 0.002);
    }

    [Fact]
    public void Model_GoesToBytesAndBack()
    {
        var (model, _) = SentimentModel.Train(Make("German", 300, seed: 6));
        var bytes = model.ToBytes();
        Assert.Equal(SentimentModel.Bytes, bytes.Length);
        var again = SentimentModel.FromBytes(bytes);
        Assert.Equal(model.Score("die lieferung ist kaputt"), again.Score("die lieferung ist kaputt"));
        Assert.Null(again.Score("42 !!"));
        Assert.InRange(again.Score(string.Concat(Enumerable.Repeat("kaputt ", 10_000)))!.Value, -1, 0);
        Assert.Throws<ArgumentException>(() => SentimentModel.FromBytes([1, 2, 3]));
    }

    private static List<RatedText> Make(string language, int count, int seed)
    {
        var random = new Random(seed);
        var (good, bad, neutral) = languages[language];
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var positive = random.Next(100) < 65;
            var words = Enumerable.Range(0, 6).Select(_ => neutral[random.Next(neutral.Length)]).ToList();
            var told = random.Next(10) > 0 == positive ? good : bad;
            words.Insert(random.Next(words.Count), told[random.Next(told.Length)]);
            return new RatedText(string.Join(' ', words), positive);
        })];
    }
}
