using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;
using Segmentation.Api.Insight;
using Segmentation.Models.Opportunities;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Discovery;

/// <summary>
/// Reads what was known of customers as a profile's traits, numbers cut at deciles: each column once, row by row, into bits.
/// </summary>
/// <param name="sides">The customers, as a temporary table with their numbers.</param>
/// <param name="fields">What is read.</param>
/// <param name="days">How far back events are read.</param>
/// <param name="minimumGroup">A value that fewer have is not read.</param>
/// <param name="found">Where it is collected.</param>
internal sealed class ConditionReader(ProfileSides sides, OpportunityFields fields, int days, int minimumGroup, ConditionSet found)
{
    // Numbers of a statement: each takes eight bytes a customer until it has been cut.
    private const int NumbersAtOnce = 4;

    private const int TextsAtOnce = 30;

    private readonly ProfileValues values = new(sides, minimumGroup);

    private CustomerHalves Halves => found.Halves;

    /// <summary>Reads all.</summary>
    /// <param name="report">Is told how far it is, 0 to 1.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task ReadAsync(Action<double> report, CancellationToken cancellation)
    {
        foreach (var some in fields.Values.Chunk(TextsAtOnce))
        {
            await ReadValuesAsync(some, cancellation);
        }

        report(0.2);
        foreach (var set in fields.Sets)
        {
            var (sent, folded, name) = ProfileFields.ToSql(set);
            await ReadElementsAsync(
                await values.CountElementsAsync(sent, folded, name, cancellation), folded, name,
                element => ProfileRules.Condition(set.Name, "contains", new JsonArray(element)),
                ProfileRules.Condition(set.Name, "null"), cancellation);
        }

        const string consents = "c.consents_granted";
        await ReadElementsAsync(
            Filter(await values.CountElementsAsync(consents, consents, null, cancellation)), consents, null,
            purpose => ProfileRules.Condition(Consent(purpose), "=", true), null, cancellation);
        report(0.4);
        foreach (var some in Enumerable.Range(0, fields.Numbers.Count).Chunk(NumbersAtOnce))
        {
            await ReadNumbersAsync(some, cancellation);
            report(0.4 + (0.4 * (some[^1] + 1) / fields.Numbers.Count));
        }

        await ReadEventsAsync(cancellation);
    }

    private static string Consent(string purpose) => $"consent.{purpose}";

    private ValueCounts Filter(ValueCounts consents) =>
        consents with { Values = [.. consents.Values.Where(v => v.Value is { } purpose && fields.IsKnown(Consent(purpose)))] };

    private async Task ReadValuesAsync(Field[] some, CancellationToken cancellation)
    {
        var counts = await values.CountAsync(some, cancellation);
        List<(Field Field, Dictionary<string, ulong[]> Values, ulong[]? Missing)> columns = [];
        foreach (var (field, count) in some.Zip(counts))
        {
            var isFlag = field.Type == FieldType.Boolean;
            var enough = count.Values.Where(v => found.IsEnough(v.Members + v.Others)).ToList();
            columns.Add((
                field,
                enough.Where(v => v.Folded is not null && (!isFlag || v.Folded == "true"))
                    .ToDictionary(v => v.Folded!, _ => found.CreateEmpty(), StringComparer.Ordinal),
                enough.Any(v => v.Folded is null) ? found.CreateEmpty() : null));
        }

        await using var command = sides.Select(null, [sides.Read(ProfileValues.KeyOfCustomer), .. some.Select(sides.Read)]);
        var names = some.Select((_, i) => $"f{i}").ToList();
        command.CommandText =
            $"""
            SELECT key, {string.Join(", ", names.Select(n => $"{n}::text"))}
            FROM ({command.CommandText}) AS c (key, {string.Join(", ", names)})
            """;
        await ReadRowsAsync(command, (row, place) =>
        {
            for (var i = 0; i < columns.Count; i++)
            {
                var bits = row.IsDBNull(i + 1) ? columns[i].Missing : columns[i].Values.GetValueOrDefault(row.GetString(i + 1));
                if (bits is not null)
                {
                    BitSets.Set(bits, place);
                }
            }
        }, cancellation);
        foreach (var ((field, known, missing), count) in columns.Zip(counts))
        {
            foreach (var value in count.Values.Where(v => v.Folded is not null && known.ContainsKey(v.Folded)))
            {
                JsonNode told = field.Type == FieldType.Boolean ? JsonValue.Create(true) : JsonValue.Create(value.Value!);
                found.Add(ProfileRules.Condition(field.Name, "=", told), null, known[value.Folded!]);
            }

            AddMissing(field, missing);
        }
    }

    private async Task ReadElementsAsync(
        ValueCounts counts, string folded, string? name, Func<string, JsonObject> rule, JsonObject? missing, CancellationToken cancellation)
    {
        var known = counts.Values.Where(v => v.Folded is not null && found.IsEnough(v.Members + v.Others))
            .ToDictionary(v => v.Folded!, v => (Rule: rule(v.Value!), Bits: found.CreateEmpty()), StringComparer.Ordinal);
        var without = missing is null ? null : found.CreateEmpty();
        await using var command = sides.Create(
            $"SELECT s.key, {folded} FROM {ProfileSides.Table} s JOIN customers c ON c.key = s.key");
        command.Parameters.AddWithValue("profile_name", name ?? "");
        await ReadRowsAsync(command, (row, place) =>
        {
            var elements = row.IsDBNull(1) ? [] : row.GetFieldValue<string[]>(1);
            foreach (var element in elements)
            {
                if (known.TryGetValue(element, out var of))
                {
                    BitSets.Set(of.Bits, place);
                }
            }

            if (elements.Length == 0 && without is not null)
            {
                BitSets.Set(without, place);
            }
        }, cancellation);
        foreach (var (told, bits) in known.Values)
        {
            found.Add(told, null, bits);
        }

        if (missing is not null)
        {
            found.Add(missing, null, without!);
        }
    }

    private async Task ReadNumbersAsync(int[] some, CancellationToken cancellation)
    {
        var numbers = some.Select(_ => CreateNumbers()).ToArray();
        await using var command = sides.Create(
            $"SELECT key, {string.Join(", ", some.Select(i => $"n{i}"))} FROM {ProfileSides.Table}");
        await ReadRowsAsync(command, (row, place) =>
        {
            for (var i = 0; i < numbers.Length; i++)
            {
                numbers[i][place] = row.IsDBNull(i + 1) ? double.NaN : row.GetDouble(i + 1);
            }
        }, cancellation);
        foreach (var (column, of) in some.Zip(numbers))
        {
            var field = fields.Numbers[column];
            var isDate = field.Type is FieldType.Date or FieldType.Instant;
            double[] sorted = [.. of.Where(n => !double.IsNaN(n)).Order()];

            // What is yet to come was not known.
            var bounds = Deciles.Find(sorted).Select(n => ProfileRules.FindBound(field, n, sides.At)).OfType<ProfileBound>()
                .Where(b => b.Number > sorted[0] && (!isDate || b.Told >= 0)).DistinctBy(b => b.Number);
            foreach (var bound in bounds)
            {
                found.Add(ProfileRules.Between(field, bound.Told, null), null, Where(of, n => n >= bound.Number));
                found.Add(ProfileRules.Between(field, null, bound.Told), null, Where(of, n => n < bound.Number));
            }

            var missing = Where(of, double.IsNaN);
            var everyone = Halves.CreateAll();
            for (var w = 0; w < missing.Length; w++)
            {
                missing[w] &= everyone[w]; // Places that are nobody's have no number either.
            }

            AddMissing(field, missing);
        }
    }

    private async Task ReadEventsAsync(CancellationToken cancellation)
    {
        var events = new ProfileEvents(sides, OpportunityMoment.Before(sides.At, days));
        await events.CreateAsync(cancellation);
        var types = (await events.CountTypesAsync(cancellation)).Where(t => found.IsEnough(t.Others + t.Members))
            .ToDictionary(t => t.Type, FindBounds, StringComparer.Ordinal);
        await using var command = sides.Create($"SELECT key, sum(n)::float8, type FROM {ProfileEvents.Table} GROUP BY key, type");
        await ReadRowsAsync(command, (row, place) =>
        {
            if (types.TryGetValue(row.GetString(2), out var type))
            {
                var times = row.GetDouble(1);
                foreach (var (least, bits) in type.AtLeast)
                {
                    if (times >= (double)least)
                    {
                        BitSets.Set(bits, place);
                    }
                }
            }
        }, cancellation);
        var everyone = Halves.CreateAll();
        var lately = $"in the last {(days == 1 ? "day" : $"{days.ToString(CultureInfo.InvariantCulture)} days")}";
        foreach (var (sent, atLeast) in types.Values)
        {
            foreach (var (least, bits) in atLeast)
            {
                var times = ProfileRules.Write(least);
                found.Add(
                    ProfileRules.DidTimes(sent, days, least, null),
                    least == 1 ? $"did {sent} {lately}" : $"did {sent} {times} times or more {lately}", bits);
                found.Add(
                    ProfileRules.DidTimes(sent, days, null, least),
                    least == 1 ? $"did no {sent} {lately}" : $"did {sent} less than {times} times {lately}",
                    [.. bits.Zip(everyone, (of, all) => all & ~of)]);
            }
        }
    }

    // Once, and the deciles of all, whoever did not do it included.
    private (string Sent, List<(decimal Least, ulong[] Bits)> AtLeast) FindBounds(EventCounts type)
    {
        var done = type.Members + type.Others;
        var times = type.Times.SelectMany(t => Enumerable.Repeat(t.Value, (int)(t.Members + t.Others)));
        double[] sorted = [.. Enumerable.Repeat(0.0, (int)(Halves.Count - done)), .. times];
        return (type.Sent, [.. Deciles.Find(sorted).Prepend(1).Distinct().Select(n => ((decimal)n, found.CreateEmpty()))]);
    }

    private void AddMissing(Field field, ulong[]? bits)
    {
        if (bits is not null)
        {
            found.Add(ProfileRules.Condition(field.Name, "null"), null, bits);
        }
    }

    private double[] CreateNumbers()
    {
        var numbers = new double[Halves.Words * CustomerHalves.WordSize];
        Array.Fill(numbers, double.NaN);
        return numbers;
    }

    private ulong[] Where(double[] numbers, Func<double, bool> holds)
    {
        var bits = found.CreateEmpty();
        for (var place = 0; place < numbers.Length; place++)
        {
            if (holds(numbers[place]))
            {
                BitSets.Set(bits, place);
            }
        }

        return bits;
    }

    // Rows begin with a customer's key.
    private async Task ReadRowsAsync(NpgsqlCommand command, Action<NpgsqlDataReader, int> read, CancellationToken cancellation)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            if (Halves.Find(reader.GetInt64(0)) is >= 0 and var place)
            {
                read(reader, place);
            }
        }
    }
}
