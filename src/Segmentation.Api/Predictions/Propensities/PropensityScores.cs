using System.Runtime.InteropServices;
using System.Text.Json;
using Npgsql;

namespace Segmentation.Api.Predictions;

/// <summary>Customers' probabilities by models of propensity, until they are taken to be stored.</summary>
internal sealed class PropensityScores
{
    private const int Digits = 6;

    private readonly List<(string Key, List<long> Customers, List<double> Probabilities)> models = [];
    private readonly HashSet<long> taken = [];

    /// <summary>Whether no model is in force.</summary>
    public bool IsEmpty => models.Count == 0;

    /// <summary>Reads and scores, one model after the other.</summary>
    /// <param name="keys">Whose; null for everybody.</param>
    public static async Task<PropensityScores> ReadAsync(
        NpgsqlConnection connection, long[]? keys, IReadOnlyList<PropensityInForce> models, PropensityReader reader, DateTimeOffset now,
        PredictionOptions options, CancellationToken cancellation)
    {
        var scores = new PropensityScores();
        foreach (var model in models)
        {
            var parameters = model.ReadParameters();
            var scorer = parameters.Model.Bind(parameters.Features.ListNames());
            var (customers, probabilities) = (new List<long>(), new List<double>());
            var rows = reader.ReadAsync(
                connection, keys, model.Settings, parameters.Features, model.FindMoment(now, options), cancellation);
            await foreach (var row in rows)
            {
                customers.Add(row.Customer);
                probabilities.Add(scorer.Tell(row.Values));
            }

            scores.models.Add((model.Key, customers, probabilities));
        }

        return scores;
    }

    /// <summary>What is stored of a customer; null where no model tells anything.</summary>
    public JsonElement? Take(long customer)
    {
        if (IsEmpty)
        {
            return null;
        }

        taken.Add(customer);
        var found = new Dictionary<string, decimal>();
        foreach (var (key, customers, probabilities) in models)
        {
            if (CollectionsMarshal.AsSpan(customers).BinarySearch(customer) is >= 0 and var place)
            {
                found[key] = Math.Round((decimal)probabilities[place], Digits, MidpointRounding.AwayFromZero);
            }
        }

        return found.Count == 0 ? null : JsonSerializer.SerializeToElement(found);
    }

    /// <summary>Those who were not taken.</summary>
    public IEnumerable<long> ListOthers() => models.SelectMany(m => m.Customers).Where(c => !taken.Contains(c)).Distinct();
}
