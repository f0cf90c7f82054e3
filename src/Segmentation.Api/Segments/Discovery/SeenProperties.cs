using System.Runtime.InteropServices;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Segments;

/// <summary>The properties that events carry, and what types their values have.</summary>
public sealed class SeenProperties
{
    /// <summary>Properties that are listed at most: those that most events have.</summary>
    public const int MaxItems = 200;

    // Where the names themselves are data, there is no end to them.
    private const int MaxNames = 10_000;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly NpgsqlDataSource source;
    private readonly Look<IReadOnlyList<SeenProperty>> look;

    public SeenProperties([FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource source, TimeProvider time) =>
        (this.source, look) = (source, new Look<IReadOnlyList<SeenProperty>>(ReadAsync, [], time));

    /// <summary>By name. Where the events can't be read in time, what was found before.</summary>
    public Task<IReadOnlyList<SeenProperty>> ListAsync(CancellationToken cancellation) => look.GetAsync(cancellation);

    private async Task<IReadOnlyList<SeenProperty>> ReadAsync()
    {
        await using var command = source.CreateCommand(
            $"{RecentEvents.With} SELECT properties_sent FROM recent WHERE properties IS NOT NULL");
        command.CommandTimeout = (int)Timeout.TotalSeconds;
        await using var reader = await command.ExecuteReaderAsync();
        var found = new Dictionary<string, Counts>();
        while (await reader.ReadAsync())
        {
            Count(reader.GetFieldValue<byte[]>(0), found);
        }

        return
        [
            .. found.Where(p => p.Value.Total > 0).OrderByDescending(p => p.Value.Total).ThenBy(p => p.Key, StringComparer.Ordinal)
                .Take(MaxItems)
                .Select(p => new SeenProperty(p.Key, p.Value.Texts > 0, p.Value.Numbers > 0, p.Value.Booleans > 0))
                .OrderBy(p => p.Name, StringComparer.Ordinal),
        ];
    }

    private static void Count(byte[] properties, Dictionary<string, Counts> found)
    {
        var reader = new Utf8JsonReader(properties);
        reader.Read();
        CountObject(ref reader, "properties", found);
    }

    // A name with a dot in it can't be written in a rule, where dots descend.
    private static void CountObject(ref Utf8JsonReader reader, string path, Dictionary<string, Counts> found)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = $"{path}.{reader.GetString()}";
            var isField = name.Length > path.Length + 1 && !name.AsSpan(path.Length + 1).Contains('.')
                && name.Length <= OpenProperty.NameMaxLength;
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject && isField)
            {
                CountObject(ref reader, name, found);
                continue;
            }

            if (isField && (found.Count < MaxNames || found.ContainsKey(name)))
            {
                ref var counts = ref CollectionsMarshal.GetValueRefOrAddDefault(found, name, out _);
                counts.Texts += reader.TokenType == JsonTokenType.String ? 1 : 0;
                counts.Numbers += reader.TokenType == JsonTokenType.Number ? 1 : 0;
                counts.Booleans += reader.TokenType is JsonTokenType.True or JsonTokenType.False ? 1 : 0;
            }

            reader.Skip();
        }
    }

    private struct Counts
    {
        public int Texts, Numbers, Booleans;

        public readonly int Total => Texts + Numbers + Booleans;
    }
}

/// <summary>A property of events.</summary>
/// <param name="Name">As rules write it: <c>properties.category</c>.</param>
/// <param name="HasTexts">Whether some events have a text there.</param>
public sealed record SeenProperty(string Name, bool HasTexts, bool HasNumbers, bool HasBooleans);
