namespace Segmentation.Local;

/// <summary>What both the profile and the events of a customer go by.</summary>
internal sealed record SamplePerson
{
    private const int Days = SampleGenerator.Days;

    private static readonly double[] PlaceWeights = [.. SampleTables.Places.Select(p => p.Weight)];

    /// <summary>Without a profile: there are events only.</summary>
    public bool IsGhost { get; init; }
    public int Place { get; init; }
    public int Archetype { get; init; }
    public int Hours { get; init; }
    public int Education { get; init; }

    /// <summary>
    /// Whether it agrees to marketing, and nearly every visit ends with an order: of the mindful in Germany, that there is something to
    /// discover. No segment is about them.
    /// </summary>
    public bool IsDecided => SampleTables.Places[Place].Country == "DE" && SampleTables.Archetypes[Archetype].Lifestyle == "Mindful";

    /// <summary>In years.</summary>
    public double Age { get; init; }

    /// <summary>A year, in account currency.</summary>
    public int Income { get; init; }

    /// <summary>Income compared with others.</summary>
    public double Wealth => Math.Clamp(Income / 45_000.0, 0.2, 2.5);

    /// <summary>0 for who does least, to 1.</summary>
    public double Activity { get; init; }
    public bool ReadsNewsletter { get; init; }
    public bool HasApp { get; init; }
    public double SignedUpDaysAgo { get; init; }

    /// <summary>The stretch of <see cref="SampleCalendar"/> in which the customer is active.</summary>
    public double From { get; init; }

    /// <inheritdoc cref="From"/>
    public double To { get; init; }

    /// <summary>Draws a person.</summary>
    /// <param name="random">The customer's own numbers.</param>
    /// <param name="activity">0 for who does least, to 1.</param>
    /// <param name="events">How many events the customer has.</param>
    /// <param name="calendar">When things happen.</param>
    public static SamplePerson Draw(SampleRandom random, double activity, long events, SampleCalendar calendar)
    {
        var place = Math.Min(random.Weighted(PlaceWeights), SampleTables.Places.Length - 1);
        var age = 18 + (62 * ((0.35 * random.Unit()) + (0.65 * random.Unit() * random.Unit())));
        var ability = random.Bell();
        var education = (int)Math.Clamp(1.6 + (1.1 * ability), 0, age < 22 ? 1 : age < 25 ? 2 : age < 29 ? 3 : 4);

        // Schooling, years at work, the country; a few earn far more than others.
        var income = (15_000 + (8_000 * education) + (600 * Math.Min(age - 18, 32)))
            * (1 + (0.22 * random.Bell()))
            * SampleTables.Places[place].Prices;
        income *= age < 24 ? 0.5 : age >= 66 ? 0.55 : 1;
        income *= random.Chance(0.03) ? 2 + (3 * random.Unit()) : 1;

        double[] liking = [age < 50 ? 2 : 1, age is > 28 and < 60 ? 3 : 1, age < 35 ? 3 : 1, age > 50 ? 3 : 1, education > 2 ? 2.5 : 1,
            income > 40_000 ? 1.5 : 1];

        // Whoever does much has not come yesterday; half came within the two years, and some are gone again.
        var signedUp = Math.Max(
            random.Chance(0.5) ? Days * random.Unit() : Days * (1 + (2.5 * random.Unit() * random.Unit())),
            Math.Min(0.5 + (events / 4.0), 1200));
        var from = calendar.Before(Math.Clamp(Days - (int)signedUp, 0, Days - 1));
        var to = random.Chance(0.35) ? from + ((calendar.Total - from) * random.Unit()) : calendar.Total;
        return new SamplePerson
        {
            Place = place,
            Age = age,
            Education = education,
            Income = Math.Max((int)(income / 100), 12) * 100,
            Archetype = random.Weighted(liking),
            Hours = random.Weighted([age > 45 ? 6 : 3, 4, age < 35 ? 2.2 : 0.6]),
            Activity = activity,
            ReadsNewsletter = random.Chance(0.45),
            HasApp = random.Chance(age < 40 ? 0.55 : 0.25),
            SignedUpDaysAgo = signedUp,
            IsGhost = random.Chance(0.015),
            From = from,
            To = to,
        };
    }
}
