using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Data;
using Segmentation.Api.Feedback;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;
using Segmentation.Models.Feedback;

namespace Segmentation.Api.Tests.Feedback;

/// <summary>Made texts in several languages, of which some words go with a side in nine of ten texts.</summary>
internal static class RatedTexts
{
    public static readonly (string[] Good, string[] Bad, string[] Neutral)[] Languages =
    [
        (["großartig", "freundlich", "begeistert"], ["kaputt", "enttäuscht", "mangelhaft"], ["das", "ist", "die", "Lieferung", "und"]),
        (["excelente", "amable", "contento"], ["roto", "decepcionado", "horrible"], ["el", "producto", "es", "la", "entrega", "y"]),
        (["素晴らしい", "親切", "満足"], ["壊れた", "残念", "不満"], ["製品", "です", "配送", "注文"]),
    ];

    private static readonly Lazy<SentimentModel>[] taught = [new(() => Teach(1)), new(() => Teach(2))];

    /// <summary>A model that these texts have taught; by another seed another one.</summary>
    public static SentimentModel Teach(int seed) => SentimentTraining.Run([.. Make(1000, seed)]).Model;

    public static IEnumerable<RatedText> Make(int count, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var positive = random.Next(100) < 60;
            yield return new RatedText(Say(random, random.Next(10) > 0 == positive), positive);
        }
    }

    public static string Say(Random random, bool isGood)
    {
        var (good, bad, neutral) = Languages[random.Next(Languages.Length)];
        var told = isGood ? good : bad;
        return $"{Any(neutral)} {Any(neutral)} {Any(told)} {Any(neutral)}";

        string Any(string[] words) => words[random.Next(words.Length)];
    }

    /// <summary>Another model is in force, or none, and stored texts follow.</summary>
    public static async Task ChangeAsync(IServiceProvider services, Random random)
    {
        await PutInForceAsync(services, random.Next(4) == 0 ? null : taught[random.Next(taught.Length)].Value);
        var rewriter = ActivatorUtilities.CreateInstance<SentimentRewriter>(services);
        while (await rewriter.StepAsync(default))
        {
        }
    }

    /// <summary>Puts a model in force as a fit does; null: withdraws what is.</summary>
    public static async Task PutInForceAsync(IServiceProvider services, SentimentModel? model)
    {
        await using var scope = services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        await using var transaction = await db.BeginAsync(default);
        var definition = (await scope.ServiceProvider.GetRequiredService<ModelStore>().FindAsync(FeedbackType.TypeName, default))!;
        var none = JsonElement.Parse("{}");
        var version = new ModelVersion
        {
            ModelKey = definition.Key,
            Version = await scope.ServiceProvider.GetRequiredService<ModelVersions>().FindNextAsync(definition.Key, default),
            Settings = none,
            Data = none,
            Parameters = none,
            Report = none,
            Warnings = JsonElement.Parse("[]"),
            Weights = new ModelWeights { Weights = model?.ToBytes() ?? [] },
        };
        await ModelVersions.AddAsync(db, definition, version, default);
        if (model is null)
        {
            db.Remove(version);
            await db.SaveChangesAsync();
        }

        await transaction.CommitAsync();
    }
}
