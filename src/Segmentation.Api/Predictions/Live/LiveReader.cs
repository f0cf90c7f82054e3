using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Predictions;

/// <summary>Reads what was told by a model against what came.</summary>
internal static class LiveReader
{
    // A quarter of a year.
    private const int Shown = 13;

    /// <summary>The newest with those before it in short, and what is wrong in life; null before the first.</summary>
    public static async Task<(JsonElement? Live, IEnumerable<AnalysisWarning> Warnings)> ReadAsync(
        SegmentationDb db, string model, CancellationToken cancellation)
    {
        var results = await db.ScoreCopies.AsNoTracking().Where(c => c.ModelKey == model && c.Result != null)
            .OrderByDescending(c => c.Until).ThenByDescending(c => c.Id).Take(Shown).Select(c => c.Result!.Value).ToListAsync(cancellation);
        if (results.Count == 0)
        {
            return (null, []);
        }

        var reports = results.Select(r => r.Deserialize<LiveReport>(Json.Options)!).ToList();
        var live = JsonSerializer.SerializeToNode(reports[0], Json.Options)!.AsObject();
        live.Add("history", JsonSerializer.SerializeToNode(reports.Skip(1).Select(r => r.Summarize()), Json.Options));
        return (JsonSerializer.SerializeToElement<JsonNode>(live, Json.Options), reports[0].Warn());
    }
}
