using System.Globalization;
using System.Numerics;
using System.Text.Json.Serialization;
using Segmentation.Api.Customers;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>
/// What propensity reads of customers. It is chosen when a model is fitted, and kept with it: which types of events, and which values of
/// texts, are features.
/// </summary>
/// <param name="Types">Types of events, those of the goal first.</param>
/// <param name="Texts">Of country, region, gender and language, and of attributes that are texts: their values. Each is a feature, 0 or 1.
/// </param>
/// <param name="Attributes">The attributes that are read, as they stand today.</param>
public sealed record PropensityFeatures(
    string[] Types, IReadOnlyDictionary<string, string[]> Texts, string[] Attributes)
{
    /// <summary>What is read of the birth date.</summary>
    internal static readonly ProfileInput Age = new("age", "demographic.birthDate", "c.demographic_birth_date");

    /// <summary>Texts of profiles that are read, in the order of the statement.</summary>
    internal static readonly ProfileInput[] ProfileTexts =
    [
        new("country", "geographic.country", "c.geographic_country_folded"),
        new("region", "geographic.region", "c.geographic_region_folded"),
        new("gender", "demographic.gender", "c.demographic_gender_folded"),
        new("language", "demographic.language", "c.demographic_language_folded"),
    ];

    private static readonly string[] numbers =
    [
        "signup.days", Age.Name, "active.days30", "active.days90", "orders.x", "orders.tx", "orders.T", "orders.m", "goal.count90",
        "goal.amount90",
    ];

    /// <summary>Texts of a customer: those of the profile, then the attributes as fields, whose names no other feature has.</summary>
    [JsonIgnore]
    public IEnumerable<string> TextNames =>
        ProfileTexts.Select(t => t.Name).Concat(Attributes.Select(a => PropensityType.AttributePrefix + a));

    /// <summary>The features' names, in the order of the values.</summary>
    public string[] ListNames() =>
    [
        .. numbers,
        .. Types.SelectMany(t => new[] { $"events.{t}.7d", $"events.{t}.30d", $"events.{t}.90d", $"events.{t}.days" }),
        .. TextNames.SelectMany(t => Texts.TryGetValue(t, out var values) ? values.Select(v => $"{t}={v}") : [t]),
    ];

    /// <summary>The fields of profiles that are read, or whose values are named, by the names that rules have for them.</summary>
    /// <param name="learned">The features that add something to scores.</param>
    internal IEnumerable<string> ListFields(IEnumerable<string> learned) =>
    [
        .. ProfileTexts.Where(t => Texts.TryGetValue(t.Name, out var values) && values.Length > 0).Select(t => t.Field),
        .. Attributes.Select(a => PropensityType.AttributePrefix + a),
        .. learned.Contains(Age.Name) ? [Age.Field] : Array.Empty<string>(),
    ];

    /// <summary>Begins a customer: whose events have not been read yet.</summary>
    /// <param name="count">How many features there are.</param>
    /// <param name="signup">Days since the signup; null if unknown.</param>
    /// <param name="age">Whole years; null if unknown.</param>
    /// <param name="texts">The values of <see cref="TextNames"/>.</param>
    public float[] Begin(int count, double? signup, double? age, string?[] texts)
    {
        var values = new float[count];
        values.AsSpan(4, 4).Fill(float.NaN);
        (values[0], values[1]) = ((float?)signup ?? float.NaN, (float?)age ?? float.NaN);
        var place = numbers.Length;
        for (var t = 0; t < Types.Length; t++, place += 4)
        {
            values[place + 3] = float.NaN;
        }

        foreach (var (name, text) in TextNames.Zip(texts))
        {
            if (Texts.TryGetValue(name, out var known))
            {
                foreach (var value in known)
                {
                    values[place++] = text == value ? 1 : 0;
                }
            }
            else
            {
                values[place++] = ReadNumber(text);
            }
        }

        return values;
    }

    /// <summary>Adds what the events of a type add up to.</summary>
    /// <param name="type">Its place among the types, from 1; 0 for all others together.</param>
    /// <param name="days">The days with such events: bits, two of 45 days, today's is the first.</param>
    public static void AddEvents(
        float[] values, int type, double last7, double last30, double last90, double daysSince, ref (long Recent, long Earlier) days,
        (long Recent, long Earlier) typeDays)
    {
        if (type > 0)
        {
            var place = numbers.Length + (4 * (type - 1));
            (values[place], values[place + 1], values[place + 2]) = ((float)last7, (float)last30, (float)last90);
            values[place + 3] = (float)daysSince;
        }

        days = (days.Recent | typeDays.Recent, days.Earlier | typeDays.Earlier);
        values[2] = BitOperations.PopCount((ulong)(days.Recent & ((1L << 30) - 1)));
        values[3] = BitOperations.PopCount((ulong)days.Recent) + BitOperations.PopCount((ulong)days.Earlier);
    }

    /// <summary>Adds what models of lifetime value read of orders.</summary>
    public static void AddOrders(float[] values, double repeats, double recency, double age, double? mean) =>
        (values[4], values[5], values[6], values[7]) = ((float)repeats, (float)recency, (float)age, (float?)mean ?? float.NaN);

    /// <summary>Adds what the goal's events of 90 days add up to.</summary>
    public static void AddGoal(float[] values, double count, double amount) => (values[8], values[9]) = ((float)count, (float)amount);

    private static float ReadNumber(string? text) => text switch
    {
        null => float.NaN,
        "true" => 1,
        "false" => 0,
        _ => float.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : float.NaN,
    };
}

/// <summary>What is read of a profile.</summary>
/// <param name="Name">Its name as a feature, a short one.</param>
/// <param name="Field">The name that rules have for the field.</param>
/// <param name="Column">Where it is.</param>
internal sealed record ProfileInput(string Name, string Field, string Column)
{
    /// <summary>The column, or nothing where it is sensitive, which is no feature of its own accord: scores and their reasons are read by
    /// many. A setting may name an attribute.</summary>
    public string Read(SensitiveFields sensitive, string type) => sensitive.Includes(Field) ? $"NULL::{type}" : Column;
}
