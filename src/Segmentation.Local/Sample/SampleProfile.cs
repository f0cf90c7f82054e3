using System.Buffers;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Local;

/// <summary>Makes a customer's profile: traits that go together, and gaps.</summary>
internal static class SampleProfile
{
    private static readonly SearchValues<char> Placeholders = SearchValues.Create("#@");

    /// <summary>Fills in a profile.</summary>
    /// <param name="customer">The customer, who has an id.</param>
    /// <param name="person">What the profile goes by.</param>
    /// <param name="now">When the sample ends.</param>
    /// <param name="random">The customer's own numbers.</param>
    public static void Fill(Customer customer, SamplePerson person, DateTimeOffset now, SampleRandom random)
    {
        // Every draw is made whether it is used or not: what one customer lacks changes nothing else of it.
        var place = SampleTables.Places[person.Place];
        var names = SampleTables.Names[random.Chance(0.88) ? place.Tongue : random.Below(SampleTables.Names.Length)];
        var gender = random.Weighted([0.5, 0.485, 0.015]);
        var first = random.Pick(gender == 0 || (gender == 2 && random.Chance(0.5)) ? names.Female : names.Male);
        var last = random.Pick(names.Family);
        customer.FirstName = Unless(random.Chance(0.02), first);
        customer.LastName = Unless(random.Chance(0.03), last);
        customer.Email = Unless(
            random.Chance(0.04), $"{Address(first)}.{Address(last)}.{customer.Id[SampleGenerator.IdPrefix.Length..]}@example.com");

        var signedUpAt = LocalTime.Truncate(now.AddSeconds(-(long)(person.SignedUpDaysAgo * 86_400) - 60));
        var firstSeenAt = signedUpAt.AddSeconds(-(long)(5 * 86_400 * random.Unit() * random.Unit()));
        if (!random.Chance(0.05))
        {
            (customer.SignedUpAt, customer.FirstSeenAt) = (signedUpAt, firstSeenAt);
        }

        customer.Demographic = DrawDemographic(person, gender, place, now, ref random);
        customer.Geographic = DrawGeographic(place, ref random);
        customer.Psychographic = DrawPsychographic(person, ref random);
        (customer.Attributes, customer.AttributesFolded) = SampleAttributes.DrawValues(person, now, ref random);
        (customer.Consents, customer.ConsentsGranted) = DrawConsents(person, signedUpAt, now, ref random);
    }

    private static Demographic DrawDemographic(
        SamplePerson person, int gender, SamplePlace place, DateTimeOffset now, ref SampleRandom random)
    {
        var single = person.Age < 24 ? 0.85 : person.Age < 32 ? 0.5 : 0.22;
        var marital = random.Weighted(
            [single, person.Age < 24 ? 0.03 : 0.45, 0.15, person.Age > 32 ? 0.14 : 0.01, person.Age > 64 ? 0.15 : 0.003]);
        var hasPartner = marital is 1 or 2;
        var fertile = person.Age is > 24 and < 56 ? (hasPartner ? 1.5 : 0.35) : 0.04;
        var children = (int)(fertile * (random.Unit() + random.Unit()) * (person.Archetype == 1 ? 1.5 : 1) + 0.2);
        var occupation = person.Age < 24 && person.Education <= 1 && random.Chance(0.7) ? "Student"
            : person.Age >= 66 ? "Retired" : random.Pick(SampleTables.Occupations[person.Education]);
        var language = random.Chance(0.9) ? place.Language : random.Pick(["en", "tr", "pl", "ar", "es", "uk"]);
        var household = 1 + (hasPartner ? 1 : 0) + children + (person.Age < 24 && random.Chance(0.5) ? 2 : 0);
        return new Demographic
        {
            BirthDate = random.Chance(0.06) ? null : DateOnly.FromDateTime(now.UtcDateTime).AddDays(-(int)(person.Age * 365.2425)),
            Gender = Unless(random.Chance(0.05), gender switch { 0 => "Female", 1 => "Male", _ => "Non-binary" }),
            Education = Unless(random.Chance(0.08), SampleTables.Education[person.Education]),
            Occupation = Unless(random.Chance(0.14), occupation),
            MaritalStatus = Unless(
                random.Chance(0.09), marital switch { 0 => "Single", 1 => "Married", 2 => "Partnership", 3 => "Divorced", _ => "Widowed" }),
            Language = Unless(random.Chance(0.05), language),
            Income = random.Chance(0.2) ? null : person.Income,
            HouseholdSize = random.Chance(0.12) ? null : household,
            Children = random.Chance(0.1) ? null : children,
        };
    }

    private static Geographic DrawGeographic(SamplePlace place, ref SampleRandom random)
    {
        var (north, east) = (0.12 * random.Bell(), 0.18 * random.Bell());
        var located = !random.Chance(0.12);
        return new Geographic
        {
            Country = Unless(random.Chance(0.02), place.Country),
            Region = Unless(random.Chance(0.07), place.Region),
            City = Unless(random.Chance(0.04), place.City),
            PostalCode = Unless(random.Chance(0.09), PostalCode(place.PostalCode, ref random)),
            TimeZone = Unless(random.Chance(0.05), place.TimeZone),
            Climate = Unless(random.Chance(0.03), place.Climate),
            Latitude = located ? Math.Round(place.Latitude + north, 5) : null,
            Longitude = located ? Math.Round(place.Longitude + east, 5) : null,
        };
    }

    private static Psychographic DrawPsychographic(SamplePerson person, ref SampleRandom random)
    {
        var archetype = SampleTables.Archetypes[person.Archetype];
        var other = random.Pick(SampleTables.Archetypes);
        var psychographic = new Psychographic
        {
            Interests = Some(archetype.Interests, other.Interests, 4, ref random),
            Values = Some(archetype.Values, other.Values, 2, ref random),
            Attitudes = Some(archetype.Attitudes, other.Attitudes, 2, ref random),
            Motivations = Some(archetype.Motivations, other.Motivations, 2, ref random),
            Lifestyle = Unless(random.Chance(0.1), archetype.Lifestyle),
            Personality = Unless(random.Chance(0.15), random.Pick(archetype.Personalities)),
        };

        // A quarter never filled in the questionnaire.
        return random.Chance(0.25) ? new Psychographic() : psychographic;
    }

    private static (JsonElement?, string[]) DrawConsents(
        SamplePerson person, DateTimeOffset signedUpAt, DateTimeOffset now, ref SampleRandom random)
    {
        var json = new SampleJson();
        List<string> granted = [];
        void Consent(string purpose, bool isKnown, bool isGranted, double later)
        {
            if (!isKnown)
            {
                return;
            }

            var at = LocalTime.Truncate(signedUpAt.AddSeconds((long)(later * later * later * (now - signedUpAt).TotalSeconds)));
            json.Json.WriteStartObject(purpose);
            json.Json.WriteBoolean("granted", isGranted);
            json.Json.WriteString("at", Json.Format(at));
            json.Json.WriteEndObject();
            if (isGranted)
            {
                granted.Add(purpose);
            }
        }

        Consent("marketing", !random.Chance(0.15) || person.IsDecided, random.Chance(0.6) || person.IsDecided, random.Unit());
        Consent("newsletter", person.ReadsNewsletter || !random.Chance(0.4), person.ReadsNewsletter, random.Unit());
        Consent("profiling", !random.Chance(0.3), random.Chance(0.4), random.Unit());
        var consents = json.Read();
        return (consents.GetPropertyCount() == 0 ? null : consents, [.. granted]);
    }

    private static string? Unless(bool isMissing, string value) => isMissing ? null : value;

    private static string[] Some(string[] likely, string[] others, int most, ref SampleRandom random)
    {
        List<string> some = [];
        for (var i = 1 + random.Below(most); i > 0; i--)
        {
            var one = random.Pick(random.Chance(0.8) ? likely : others);
            if (!some.Contains(one))
            {
                some.Add(one);
            }
        }

        return [.. some];
    }

    private static string PostalCode(string pattern, ref SampleRandom random)
    {
        Span<char> code = stackalloc char[pattern.Length];
        pattern.CopyTo(code);
        for (var i = code.IndexOfAny(Placeholders); i >= 0; i = code.IndexOfAny(Placeholders))
        {
            code[i] = code[i] == '#' ? (char)('0' + random.Below(10)) : (char)('A' + random.Below(26));
        }

        return code.ToString();
    }

    // The letters that every mail server accepts.
    private static string Address(string name)
    {
        Span<char> letters = stackalloc char[name.Length];
        var length = 0;
        foreach (var c in name)
        {
            if (char.IsAsciiLetter(c))
            {
                letters[length++] = c;
            }
        }

        return CaseNormalizer.Normalize(letters[..length].ToString());
    }
}
