using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Local;

/// <summary>The attributes that the sample registers, and their values.</summary>
internal static class SampleAttributes
{
    /// <summary>The attributes that customers carry.</summary>
    public static IReadOnlyList<CustomerAttribute> Define(DateTimeOffset now) =>
    [
        new()
        {
            Name = "plan",
            Type = "text",
            Kind = "value",
            Label = "Plan",
            Description = "What the customer pays for.",
            Values = ["Basic", "Plus", "Premium"],
            CreatedAt = now,
            UpdatedAt = now
        },
        new()
        {
            Name = "trial",
            Type = "boolean",
            Kind = "value",
            Label = "On trial",
            Description = "Whether the plan is being tried for free.",
            CreatedAt = now,
            UpdatedAt = now
        },
        new()
        {
            Name = "renewalDate",
            Type = "date",
            Kind = "temporal",
            Label = "Renewal date",
            Description = "When a paid plan renews.",
            CreatedAt = now,
            UpdatedAt = now
        },
        new()
        {
            Name = "loyaltyTier",
            Type = "text",
            Kind = "value",
            Label = "Loyalty tier",
            Description = "Missing outside the loyalty program.",
            Values = ["Bronze", "Silver", "Gold", "Platinum"],
            CreatedAt = now,
            UpdatedAt = now
        },
        new()
        {
            Name = "creditLimit",
            Type = "decimal",
            Kind = "value",
            Label = "Credit limit",
            Description = "In account currency.",
            CreatedAt = now,
            UpdatedAt = now
        },
        new()
        {
            Name = "nps",
            Type = "integer",
            Kind = "psychographic",
            Label = "Net promoter score",
            Description = "0 to 10, of the last survey answered.",
            CreatedAt = now,
            UpdatedAt = now
        },
        new()
        {
            Name = "lastSurveyAt",
            Type = "instant",
            Kind = "temporal",
            Label = "Last survey",
            Description = "When the last survey was answered.",
            CreatedAt = now,
            UpdatedAt = now
        },
        new()
        {
            Name = "tags",
            Type = "set",
            Kind = "behavioral",
            Label = "Tags",
            Description = "What colleagues noted.",
            Values = SampleTables.Tags,
            CreatedAt = now,
            UpdatedAt = now
        },
    ];

    /// <summary>A customer's values.</summary>
    /// <param name="person">What the values go by.</param>
    /// <param name="now">When the sample ends.</param>
    /// <param name="random">The customer's own numbers.</param>
    /// <returns>The original values, and the normalized ones; null for none.</returns>
    public static (JsonElement? Original, JsonElement? Normalized) DrawValues(
        SamplePerson person, DateTimeOffset now, ref SampleRandom random)
    {
        var plan = random.Weighted([3 / person.Wealth, 1.5, person.Wealth]);
        var tier = Math.Clamp((int)((4 * person.Activity) + (0.7 * random.Bell())), 0, 3);
        var nps = Math.Clamp((int)(6.6 + (2.5 * person.Activity) + (2 * random.Bell())), 0, 10);
        var survey = LocalTime.Truncate(now.AddSeconds(-random.Below(365 * 86_400)));
        var renewal = DateOnly.FromDateTime(now.UtcDateTime).AddDays(random.Below(425) - 60);
        var limit = 100 * (int)(person.Income / 1000 * (0.5 + random.Unit())) / 10;
        List<string> tags = [];
        for (var i = random.Below(4); i > 0; i--)
        {
            var tag = SampleTables.Tags[Math.Min(random.Below(SampleTables.Tags.Length), random.Below(SampleTables.Tags.Length))];
            if (!tags.Contains(tag))
            {
                tags.Add(tag);
            }
        }

        var has = (Plan: random.Chance(0.92), Tier: random.Chance(0.7), Nps: random.Chance(0.4), Limit: random.Chance(0.5),
            Trial: random.Chance(0.15), Any: random.Chance(0.97));
        if (!has.Any)
        {
            return (null, null);
        }

        var original = new SampleJson();
        var normalized = new SampleJson();
        void Text(string name, string value)
        {
            original.Json.WriteString(name, value);
            normalized.Json.WriteString(name, CaseNormalizer.Normalize(value));
        }

        if (has.Plan)
        {
            Text("plan", plan switch { 0 => "Basic", 1 => "Plus", _ => "Premium" });
            original.Json.WriteBoolean("trial", has.Trial);
            normalized.Json.WriteBoolean("trial", has.Trial);
            if (plan > 0 && !has.Trial)
            {
                original.Json.WriteString("renewalDate", renewal.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
                normalized.Json.WriteNumber("renewalDate", renewal.DayNumber - new DateOnly(1970, 1, 1).DayNumber);
            }
        }

        if (has.Tier)
        {
            Text("loyaltyTier", tier switch { 0 => "Bronze", 1 => "Silver", 2 => "Gold", _ => "Platinum" });
        }

        if (has.Limit)
        {
            original.Json.WriteNumber("creditLimit", limit);
            normalized.Json.WriteNumber("creditLimit", limit);
        }

        if (has.Nps)
        {
            original.Json.WriteNumber("nps", nps);
            normalized.Json.WriteNumber("nps", nps);
            original.Json.WriteString("lastSurveyAt", Json.Format(survey));
            normalized.Json.WriteNumber("lastSurveyAt", (survey - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        }

        if (tags.Count > 0)
        {
            original.Json.WriteStartArray("tags");
            normalized.Json.WriteStartArray("tags");
            foreach (var tag in tags)
            {
                original.Json.WriteStringValue(tag);
                normalized.Json.WriteStringValue(CaseNormalizer.Normalize(tag));
            }

            original.Json.WriteEndArray();
            normalized.Json.WriteEndArray();
        }

        return (original.Read(), normalized.Read());
    }
}
