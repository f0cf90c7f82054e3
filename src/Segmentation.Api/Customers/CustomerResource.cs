using System.ComponentModel;
using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// A customer as the API shows and takes it. The property names are those of the rule language. Read-only ones are taken and ignored, so
/// that what GET gave can be PUT back; null is the same as leaving out.
/// </summary>
public sealed class CustomerResource
{
    /// <summary>The caller's own id: 1 to 128 characters, any but control characters and '/'. Made (a UUIDv7) when a POST has none.</summary>
    public string? Id { get; set; }
    public string? Email { get; set; }
    public string? FirstName { get; set; }
    public string? LastName { get; set; }
    public DemographicResource? Demographic { get; set; }
    public GeographicResource? Geographic { get; set; }
    public PsychographicResource? Psychographic { get; set; }

    /// <summary>Values of registered attributes, by name.</summary>
    public JsonElement? Attributes { get; set; }

    /// <summary>Standing consents, by purpose.</summary>
    public Dictionary<string, ConsentResource?>? Consents { get; set; }
    public DateTimeOffset? SignedUpAt { get; set; }

    /// <summary>The earlier of what was sent and the first event.</summary>
    public DateTimeOffset? FirstSeenAt { get; set; }

    /// <summary>The later of what was sent and the last event.</summary>
    public DateTimeOffset? LastSeenAt { get; set; }

    /// <summary>What orders and refunds add up to.</summary>
    [ReadOnly(true)]
    public ValueResource? Value { get; set; }

    /// <summary>What events add up to.</summary>
    [ReadOnly(true)]
    public BehavioralResource? Behavioral { get; set; }

    /// <summary>When the service first held the customer.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; set; }

    /// <summary>When the profile was last written; events don't count.</summary>
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; set; }

    /// <summary>The customer as it stands.</summary>
    /// <param name="now">The instant that ages and days are reckoned at, in UTC.</param>
    public static CustomerResource From(Customer customer, DateTimeOffset now) => new()
    {
        Id = customer.Id,
        Email = customer.Email,
        FirstName = customer.FirstName,
        LastName = customer.LastName,
        Demographic = new()
        {
            Age = LocalTime.Years(customer.Demographic.BirthDate, DateOnly.FromDateTime(now.UtcDateTime)),
            BirthDate = customer.Demographic.BirthDate,
            Gender = customer.Demographic.Gender,
            Education = customer.Demographic.Education,
            Occupation = customer.Demographic.Occupation,
            MaritalStatus = customer.Demographic.MaritalStatus,
            Language = customer.Demographic.Language,
            Income = customer.Demographic.Income,
            HouseholdSize = customer.Demographic.HouseholdSize,
            Children = customer.Demographic.Children,
        },
        Geographic = new()
        {
            Country = customer.Geographic.Country,
            Region = customer.Geographic.Region,
            City = customer.Geographic.City,
            PostalCode = customer.Geographic.PostalCode,
            TimeZone = customer.Geographic.TimeZone,
            Climate = customer.Geographic.Climate,
            Location = customer.Geographic is { Latitude: { } latitude, Longitude: { } longitude } ? new() { Latitude = latitude, Longitude = longitude } : null,
        },
        Psychographic = new()
        {
            Interests = customer.Psychographic.Interests,
            Values = customer.Psychographic.Values,
            Attitudes = customer.Psychographic.Attitudes,
            Motivations = customer.Psychographic.Motivations,
            Lifestyle = customer.Psychographic.Lifestyle,
            Personality = customer.Psychographic.Personality,
        },
        Attributes = customer.Attributes ?? EmptyObject,
        Consents = customer.Consents?.Deserialize<Dictionary<string, ConsentResource?>>(Json.Options) ?? [],
        SignedUpAt = customer.SignedUpAt,
        FirstSeenAt = customer.FirstSeenAt,
        LastSeenAt = customer.LastSeenAt,
        Value = new()
        {
            LifetimeValue = customer.LifetimeValue,
            AverageOrderValue = Exact.Average(customer.OrderAmount, customer.OrderCount),
            OrderCount = customer.OrderCount,
            FirstOrderAt = customer.FirstOrderAt,
            LastOrderAt = customer.LastOrderAt,
            DaysSinceLastOrder = LocalTime.DaysBetween(customer.LastOrderAt, now),
        },
        Behavioral = new() { LastEventAt = customer.LastEventAt, EventCount = customer.EventCount },
        CreatedAt = customer.CreatedAt,
        UpdatedAt = customer.UpdatedAt,
    };

    /// <summary>
    /// Makes the customer what this says: the whole profile, and nothing that events made. Only for what <see cref="CustomerValidator"/>
    /// found no fault in.
    /// </summary>
    /// <param name="definitions">The registered attributes that it carries.</param>
    internal void ApplyTo(Customer customer, IReadOnlyDictionary<string, CustomerAttribute> definitions, DateTimeOffset now)
    {
        customer.Email = Email;
        customer.FirstName = FirstName;
        customer.LastName = LastName;
        var demographic = Demographic ?? new();
        customer.Demographic.BirthDate = demographic.BirthDate;
        customer.Demographic.Gender = demographic.Gender;
        customer.Demographic.Education = demographic.Education;
        customer.Demographic.Occupation = demographic.Occupation;
        customer.Demographic.MaritalStatus = demographic.MaritalStatus;
        customer.Demographic.Language = demographic.Language;
        customer.Demographic.Income = demographic.Income;
        customer.Demographic.HouseholdSize = demographic.HouseholdSize;
        customer.Demographic.Children = demographic.Children;
        var geographic = Geographic ?? new();
        customer.Geographic.Country = geographic.Country;
        customer.Geographic.Region = geographic.Region;
        customer.Geographic.City = geographic.City;
        customer.Geographic.PostalCode = geographic.PostalCode;
        customer.Geographic.TimeZone = geographic.TimeZone;
        customer.Geographic.Climate = geographic.Climate;
        customer.Geographic.Latitude = geographic.Location?.Latitude;
        customer.Geographic.Longitude = geographic.Location?.Longitude;
        var psychographic = Psychographic ?? new();
        customer.Psychographic.Interests = psychographic.Interests!;
        customer.Psychographic.Values = psychographic.Values!;
        customer.Psychographic.Attitudes = psychographic.Attitudes!;
        customer.Psychographic.Motivations = psychographic.Motivations!;
        customer.Psychographic.Lifestyle = psychographic.Lifestyle;
        customer.Psychographic.Personality = psychographic.Personality;
        (customer.Attributes, customer.AttributesFolded) = AttributeValues.Documents(Attributes, definitions);
        foreach (var consent in Consents?.Values ?? Enumerable.Empty<ConsentResource?>())
        {
            consent?.At ??= now;
        }

        customer.Consents = Consents is { Count: > 0 } ? JsonSerializer.SerializeToElement(Consents, Json.Options) : null;
        customer.ConsentsGranted = Consents is { Count: > 0 } ? [.. Consents.Where(c => c.Value!.Granted == true).Select(c => c.Key)] : [];
        customer.SignedUpAt = SignedUpAt;
        customer.FirstSeenAt = FirstSeenAt < customer.FirstEventAt ? FirstSeenAt : customer.FirstEventAt ?? FirstSeenAt;
        customer.LastSeenAt = LastSeenAt > customer.LastEventAt ? LastSeenAt : customer.LastEventAt ?? LastSeenAt;
        customer.UpdatedAt = now;
        customer.Version++;
    }

    /// <summary>
    /// Brings what was sent into the form that is kept: texts trimmed and blank ones left out, lists without repetition, codes in their case.
    /// </summary>
    internal void Tidy(TimeZones zones)
    {
        (Email, FirstName, LastName) = (Tidy(Email), Tidy(FirstName), Tidy(LastName));
        var d = Demographic ??= new();
        (d.Gender, d.Education, d.Occupation, d.MaritalStatus, d.Language) = (Tidy(d.Gender), Tidy(d.Education), Tidy(d.Occupation), Tidy(d.MaritalStatus), Tidy(d.Language));
        var g = Geographic ??= new();
        (g.Country, g.Region, g.City, g.PostalCode) = (Tidy(g.Country)?.ToUpperInvariant(), Tidy(g.Region), Tidy(g.City), Tidy(g.PostalCode));
        (g.TimeZone, g.Climate) = (Tidy(g.TimeZone), CaseNormalizer.Normalize(Tidy(g.Climate)));
        g.TimeZone = g.TimeZone is null ? null : zones.Canonical(g.TimeZone) ?? g.TimeZone;
        g.Location = g.Location is { Latitude: null, Longitude: null } ? null : g.Location;
        var p = Psychographic ??= new();
        (p.Interests, p.Values, p.Attitudes, p.Motivations) = (Tidy(p.Interests), Tidy(p.Values), Tidy(p.Attitudes), Tidy(p.Motivations));
        (p.Lifestyle, p.Personality) = (Tidy(p.Lifestyle), Tidy(p.Personality));
        if (Consents is not null)
        {
            foreach (var (purpose, _) in Consents.Where(c => c.Value is null).ToArray())
            {
                Consents.Remove(purpose);
            }
        }
    }

    internal static readonly JsonElement EmptyObject = JsonElement.Parse("{}");

    internal static string? Tidy(string? text) => text?.Trim() is { Length: > 0 } kept ? kept : null;

    // The first spelling is kept. Too long a list is left as it is: its length is the validator's to refuse.
    private static string?[] Tidy(string?[]? items)
    {
        if (items is null or [])
        {
            return [];
        }

        if (items.Length > Customer.SetMaxItems || items.Contains(null))
        {
            return items;
        }

        var seen = new HashSet<string>(items.Length);
        return [.. items.Select(Tidy).Where(item => item is not null && seen.Add(CaseNormalizer.Normalize(item)))];
    }
}
