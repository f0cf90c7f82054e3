using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Sample;

/// <summary>
/// Makes customers and their events that look like a shop's: a few heavy and many light buyers, seasons and hours, traits that go together,
/// gaps. The same arguments give the same sample everywhere. Each customer is made from its index alone, so memory is constant, and threads
/// may share one generator.
/// </summary>
public sealed class SampleGenerator
{
    /// <summary>What every customer's id begins with.</summary>
    public const string IdPrefix = "sample-";

    /// <summary>How far back events go.</summary>
    public const int Days = 730;

    // Ids of events are unique for their customer, so small numbers do, and the texts are shared.
    private static readonly string[] EventIds = [.. Enumerable.Range(0, 4096).Select(EventId)];

    private static readonly byte[][] HourTables = [.. SampleTables.Hours.Select(HourTable)];

    private static readonly SearchValues<char> Blanks = SearchValues.Create("#@");

    private readonly ulong seed;
    private readonly DateTimeOffset now;
    private readonly RevenueOptions revenue;

    // How much happens up to each day, and for each of many equal parts of that the day it begins in.
    private readonly double[] upTo = new double[Days + 1];
    private readonly short[] dayOfPart = new short[2048];

    // By place and day: minutes ahead of UTC at noon.
    private readonly short[][] offsets;

    /// <param name="seed">Another seed, other customers.</param>
    /// <param name="customers">How many; from 1.</param>
    /// <param name="events">How many events they have together, exactly.</param>
    /// <param name="now">The end of the <see cref="Days"/> days in which things happen.</param>
    /// <param name="revenue">Which events count as orders and refunds in what is kept of each customer's events.</param>
    public SampleGenerator(ulong seed, int customers, long events, DateTimeOffset now, RevenueOptions? revenue = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(customers, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(events);
        (this.seed, CustomerCount, EventCount, this.now, this.revenue) = (seed, customers, events, LocalTime.Truncate(now), revenue ?? new RevenueOptions());

        var first = FirstDay;
        for (var day = 0; day < Days; day++)
        {
            upTo[day + 1] = upTo[day] + Weight(first.AddDays(day));
        }

        for (int part = 0, day = 0; part < dayOfPart.Length; part++)
        {
            for (; day < Days - 1 && upTo[day + 1] <= upTo[Days] * part / dayOfPart.Length; day++)
            {
            }

            dayOfPart[part] = (short)day;
        }

        offsets = [.. SampleTables.Places.Select(place => LocalTime.Find(place.TimeZone)).Select(zone => (short[])[.. Enumerable.Range(0, Days)
            .Select(day => (short)zone.GetUtcOffset(new DateTimeOffset(first.AddDays(day), new TimeOnly(12, 0), TimeSpan.Zero)).TotalMinutes)])];
    }

    /// <summary>How many customers there are.</summary>
    public int CustomerCount { get; }

    /// <summary>How many events there are.</summary>
    public long EventCount { get; }

    // Today is left out: what its rest will bring is not known.
    private DateOnly FirstDay => DateOnly.FromDateTime(now.UtcDateTime).AddDays(-Days);

    /// <summary>The attributes that customers carry.</summary>
    public static IReadOnlyList<CustomerAttribute> Attributes(DateTimeOffset now) =>
    [
        new() { Name = "plan", Type = "text", Kind = "value", Label = "Plan", Description = "What the customer pays for.", Values = ["Basic", "Plus", "Premium"], CreatedAt = now, UpdatedAt = now },
        new() { Name = "trial", Type = "boolean", Kind = "value", Label = "On trial", Description = "Whether the plan is being tried for free.", CreatedAt = now, UpdatedAt = now },
        new() { Name = "renewalDate", Type = "date", Kind = "temporal", Label = "Renewal date", Description = "When a paid plan renews.", CreatedAt = now, UpdatedAt = now },
        new() { Name = "loyaltyTier", Type = "text", Kind = "value", Label = "Loyalty tier", Description = "Missing outside the loyalty programme.", Values = ["Bronze", "Silver", "Gold", "Platinum"], CreatedAt = now, UpdatedAt = now },
        new() { Name = "creditLimit", Type = "decimal", Kind = "value", Label = "Credit limit", Description = "In account currency.", CreatedAt = now, UpdatedAt = now },
        new() { Name = "nps", Type = "integer", Kind = "psychographic", Label = "Net promoter score", Description = "0 to 10, of the last survey answered.", CreatedAt = now, UpdatedAt = now },
        new() { Name = "lastSurveyAt", Type = "instant", Kind = "temporal", Label = "Last survey", Description = "When the last survey was answered.", CreatedAt = now, UpdatedAt = now },
        new() { Name = "tags", Type = "set", Kind = "behavioral", Label = "Tags", Description = "What colleagues noted.", Values = SampleTables.Tags, CreatedAt = now, UpdatedAt = now },
    ];

    /// <summary>A customer's id.</summary>
    public static string Id(int index) => IdPrefix + index.ToString("00000", CultureInfo.InvariantCulture);

    /// <summary>The index that an id stands for.</summary>
    public static int Index(string id) => int.Parse(id.AsSpan(IdPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>All customers, one after the other.</summary>
    public IEnumerable<Customer> Customers() => Enumerable.Range(0, CustomerCount).Select(Customer);

    /// <summary>One customer, what its events add up to included, without key and events.</summary>
    /// <param name="index">0 to <see cref="CustomerCount"/> − 1.</param>
    public Customer Customer(int index)
    {
        var person = Describe(index);
        var customer = new Customer { Id = Id(index), CreatedAt = now, UpdatedAt = now, Version = 1 };
        if (!person.IsGhost)
        {
            Fill(customer, person, new SampleRandom(seed, index, 1));
        }

        AddUp(customer, index);
        return customer;
    }

    /// <summary>One customer's events, nearly in the order of time. The caller sets the customer's key.</summary>
    /// <param name="index">0 to <see cref="CustomerCount"/> − 1.</param>
    public IEnumerable<CustomerEvent> Events(int index)
    {
        var (from, to) = (Share(Rank(index)), Share(Rank(index) + 1));
        if (to == from)
        {
            yield break;
        }

        var person = Describe(index);
        var random = new SampleRandom(seed, index, 2);
        var (count, done) = (to - from, 0L);
        var favourites = SampleTables.Favourites[person.Archetype];
        var zone = offsets[person.Place];
        var session = new Step[16];
        var (isReturning, ordered, orderedCents) = (false, 0, 0);
        while (done < count)
        {
            var product = Product(ref random, favourites, person.Wealth);
            var device = random.Below(SampleTables.Devices.Length);
            var steps = Session(ref random, person, session, isReturning, out var channel);
            isReturning = false;

            // Sessions are spread evenly over what is going on in the customer's time here, so that seasons show.
            var at = SessionStart(ref random, person, (done + (random.Unit() * steps)) / count, zone);
            var cents = SampleProperties.Cents(product);
            for (var i = 0; i < steps && done < count; i++)
            {
                var made = new CustomerEvent { Id = done < EventIds.Length ? EventIds[done] : EventId((int)done), Type = Types[(int)session[i]], OccurredAt = at, Channel = channel };
                SampleProperties? properties;
                switch (session[i])
                {
                    case Step.Page:
                        properties = SampleProperties.Page(product / SampleProperties.ProductsPerCategory, device);
                        break;
                    case Step.View:
                        properties = SampleProperties.Product(product);
                        break;
                    case Step.Cart:
                        properties = SampleProperties.Product(product);
                        (made.Amount, made.Currency) = (Money(cents), "EUR");
                        break;
                    case Step.Order:
                        var quantity = cents > 10_000 || random.Chance(0.7) ? 1 : 1 + random.Below(SampleProperties.MaxQuantity);
                        var coupon = random.Chance(0.18);
                        properties = SampleProperties.Order(product, quantity, coupon);
                        (ordered, orderedCents) = (product, cents * quantity * (coupon ? 9 : 10) / 10);
                        (made.Amount, made.Currency) = (Money(orderedCents), "EUR");
                        isReturning = random.Chance(product / SampleProperties.ProductsPerCategory is 0 or 3 ? 0.2 : 0.06);
                        if (channel == "store")
                        {
                            made.ChannelSent = "Store";
                        }

                        break;
                    case Step.Refund:
                        // Shops differ in the sign that they give a refund; both lower the lifetime value.
                        properties = SampleProperties.Refund(ordered, random.Below(SampleTables.RefundReasons.Length));
                        (made.Amount, made.Currency) = (Money(random.Chance(0.5) ? orderedCents : -orderedCents), "EUR");
                        break;
                    case Step.Review:
                        properties = SampleProperties.Review(ordered, 1 + Math.Max(random.Below(5), random.Below(5)));
                        break;
                    case Step.Ticket:
                        properties = SampleProperties.Ticket(random.Below(SampleTables.TicketTopics.Length), 1 + random.Below(3), random.Chance(0.8));
                        break;
                    case Step.Open or Step.Click or Step.Accept:
                        properties = SampleProperties.Campaign(Campaign(at));
                        break;
                    default:
                        properties = random.Chance(0.9) ? SampleProperties.App(random.Below(SampleProperties.AppVersions)) : null;
                        break;
                }

                (made.Properties, made.PropertiesSent) = (properties?.Folded, properties?.Sent);
                at = at.AddSeconds(15 + random.Below(150));
                done++;
                yield return made;
            }
        }
    }

    private enum Step : byte { Page, View, Cart, Order, Refund, Review, Ticket, Open, Click, Accept, App }

    private static readonly string[] Types =
    [
        "page_viewed", "product_viewed", "cart_added", "order_completed", "order_refunded", "review_posted", "support_ticket", "email_opened", "email_clicked",
        "campaign_accepted", "app_opened",
    ];

    /// <summary>What both the profile and the events go by.</summary>
    private sealed record Person
    {
        /// <summary>Known by its events only.</summary>
        public bool IsGhost { get; init; }
        public int Place { get; init; }
        public int Archetype { get; init; }
        public int Hours { get; init; }
        public int Education { get; init; }

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

        /// <summary>The stretch of <see cref="upTo"/> in which the customer is active.</summary>
        public double From { get; init; }

        /// <inheritdoc cref="From"/>
        public double To { get; init; }
    }

    private Person Describe(int index)
    {
        var random = new SampleRandom(seed, index, 0);
        var rank = Rank(index);
        var activity = (rank + 0.5) / CustomerCount;
        var place = Math.Min(random.Weighted(PlaceWeights), SampleTables.Places.Length - 1);
        var age = 18 + (62 * ((0.35 * random.Unit()) + (0.65 * random.Unit() * random.Unit())));
        var ability = random.Bell();
        var education = (int)Math.Clamp(1.6 + (1.1 * ability), 0, age < 22 ? 1 : age < 25 ? 2 : age < 29 ? 3 : 4);

        // Schooling, years at work, the country; a few earn far more than others.
        var income = (15_000 + (8_000 * education) + (600 * Math.Min(age - 18, 32))) * (1 + (0.22 * random.Bell())) * SampleTables.Places[place].Prices;
        income *= age < 24 ? 0.5 : age >= 66 ? 0.55 : 1;
        income *= random.Chance(0.03) ? 2 + (3 * random.Unit()) : 1;

        double[] liking = [age < 50 ? 2 : 1, age is > 28 and < 60 ? 3 : 1, age < 35 ? 3 : 1, age > 50 ? 3 : 1, education > 2 ? 2.5 : 1, income > 40_000 ? 1.5 : 1];

        // Whoever does much has not come yesterday; half came within the two years, and some are gone again.
        var count = Share(rank + 1) - Share(rank);
        var signedUp = Math.Max(random.Chance(0.5) ? Days * random.Unit() : Days * (1 + (2.5 * random.Unit() * random.Unit())), Math.Min(0.5 + (count / 4.0), 1200));
        var from = upTo[Math.Clamp(Days - (int)signedUp, 0, Days - 1)];
        var to = random.Chance(0.35) ? from + ((upTo[Days] - from) * random.Unit()) : upTo[Days];
        return new Person
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

    private void Fill(Customer customer, Person person, SampleRandom random)
    {
        // Every draw is made whether it is used or not: what one customer lacks changes nothing else of it.
        var place = SampleTables.Places[person.Place];
        var names = SampleTables.Names[random.Chance(0.88) ? place.Tongue : random.Below(SampleTables.Names.Length)];
        var gender = random.Weighted([0.5, 0.485, 0.015]);
        var first = random.Pick(gender == 0 || (gender == 2 && random.Chance(0.5)) ? names.Female : names.Male);
        var last = random.Pick(names.Family);
        customer.FirstName = Unless(random.Chance(0.02), first);
        customer.LastName = Unless(random.Chance(0.03), last);
        customer.Email = Unless(random.Chance(0.04), $"{Address(first)}.{Address(last)}.{customer.Id[IdPrefix.Length..]}@example.com");

        var signedUpAt = LocalTime.Truncate(now.AddSeconds(-(long)(person.SignedUpDaysAgo * 86_400) - 60));
        var firstSeenAt = signedUpAt.AddSeconds(-(long)(5 * 86_400 * random.Unit() * random.Unit()));
        if (!random.Chance(0.05))
        {
            (customer.SignedUpAt, customer.FirstSeenAt) = (signedUpAt, firstSeenAt);
        }

        customer.Demographic = Demographic(person, gender, place, ref random);
        customer.Geographic = Geographic(place, ref random);
        customer.Psychographic = Psychographic(person, ref random);
        (customer.Attributes, customer.AttributesFolded) = AttributeValues(person, ref random);
        (customer.Consents, customer.ConsentsGranted) = Consents(person, signedUpAt, ref random);
    }

    private Demographic Demographic(Person person, int gender, SamplePlace place, ref SampleRandom random)
    {
        var single = person.Age < 24 ? 0.85 : person.Age < 32 ? 0.5 : 0.22;
        var marital = random.Weighted([single, person.Age < 24 ? 0.03 : 0.45, 0.15, person.Age > 32 ? 0.14 : 0.01, person.Age > 64 ? 0.15 : 0.003]);
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
            MaritalStatus = Unless(random.Chance(0.09), marital switch { 0 => "Single", 1 => "Married", 2 => "Partnership", 3 => "Divorced", _ => "Widowed" }),
            Language = Unless(random.Chance(0.05), language),
            Income = random.Chance(0.2) ? null : person.Income,
            HouseholdSize = random.Chance(0.12) ? null : household,
            Children = random.Chance(0.1) ? null : children,
        };
    }

    private static Geographic Geographic(SamplePlace place, ref SampleRandom random)
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

    private static Psychographic Psychographic(Person person, ref SampleRandom random)
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

    private (JsonElement?, JsonElement?) AttributeValues(Person person, ref SampleRandom random)
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

        var has = (Plan: random.Chance(0.92), Tier: random.Chance(0.7), Nps: random.Chance(0.4), Limit: random.Chance(0.5), Trial: random.Chance(0.15), Any: random.Chance(0.97));
        if (!has.Any)
        {
            return (null, null);
        }

        var sent = new JsonWriter();
        var folded = new JsonWriter();
        void Text(string name, string value)
        {
            sent.Json.WriteString(name, value);
            folded.Json.WriteString(name, CaseNormalizer.Normalize(value));
        }

        if (has.Plan)
        {
            Text("plan", plan switch { 0 => "Basic", 1 => "Plus", _ => "Premium" });
            sent.Json.WriteBoolean("trial", has.Trial);
            folded.Json.WriteBoolean("trial", has.Trial);
            if (plan > 0 && !has.Trial)
            {
                sent.Json.WriteString("renewalDate", renewal.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
                folded.Json.WriteNumber("renewalDate", renewal.DayNumber - new DateOnly(1970, 1, 1).DayNumber);
            }
        }

        if (has.Tier)
        {
            Text("loyaltyTier", tier switch { 0 => "Bronze", 1 => "Silver", 2 => "Gold", _ => "Platinum" });
        }

        if (has.Limit)
        {
            sent.Json.WriteNumber("creditLimit", limit);
            folded.Json.WriteNumber("creditLimit", limit);
        }

        if (has.Nps)
        {
            sent.Json.WriteNumber("nps", nps);
            folded.Json.WriteNumber("nps", nps);
            sent.Json.WriteString("lastSurveyAt", Json.Format(survey));
            folded.Json.WriteNumber("lastSurveyAt", (survey - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        }

        if (tags.Count > 0)
        {
            sent.Json.WriteStartArray("tags");
            folded.Json.WriteStartArray("tags");
            foreach (var tag in tags)
            {
                sent.Json.WriteStringValue(tag);
                folded.Json.WriteStringValue(CaseNormalizer.Normalize(tag));
            }

            sent.Json.WriteEndArray();
            folded.Json.WriteEndArray();
        }

        return (sent.Read(), folded.Read());
    }

    private (JsonElement?, string[]) Consents(Person person, DateTimeOffset signedUpAt, ref SampleRandom random)
    {
        var json = new JsonWriter();
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

        Consent("marketing", !random.Chance(0.15), random.Chance(0.6), random.Unit());
        Consent("newsletter", person.ReadsNewsletter || !random.Chance(0.4), person.ReadsNewsletter, random.Unit());
        Consent("profiling", !random.Chance(0.3), random.Chance(0.4), random.Unit());
        var consents = json.Read();
        return (consents.GetPropertyCount() == 0 ? null : consents, [.. granted]);
    }

    // What EventStore keeps when it stores events, here counted as they are made: a million customers need no update afterwards.
    private void AddUp(Customer customer, int index)
    {
        foreach (var e in Events(index))
        {
            customer.EventCount++;
            customer.FirstEventAt = Earlier(customer.FirstEventAt, e.OccurredAt);
            customer.LastEventAt = Later(customer.LastEventAt, e.OccurredAt);
            if (Array.IndexOf(revenue.OrderTypes, e.Type) >= 0)
            {
                customer.OrderCount++;
                customer.OrderAmount += e.Amount ?? 0;
                customer.LifetimeValue += e.Amount ?? 0;
                customer.FirstOrderAt = Earlier(customer.FirstOrderAt, e.OccurredAt);
                customer.LastOrderAt = Later(customer.LastOrderAt, e.OccurredAt);
            }

            if (Array.IndexOf(revenue.RefundTypes, e.Type) >= 0)
            {
                customer.LifetimeValue -= Math.Abs(e.Amount ?? 0);
            }
        }

        if (customer.EventCount > 0)
        {
            customer.FirstSeenAt = Earlier(customer.FirstSeenAt, customer.FirstEventAt!.Value);
            customer.LastSeenAt = Later(customer.LastSeenAt, customer.LastEventAt!.Value);
        }
    }

    private static DateTimeOffset Earlier(DateTimeOffset? a, DateTimeOffset b) => a < b ? a.Value : b;

    private static DateTimeOffset Later(DateTimeOffset? a, DateTimeOffset b) => a > b ? a.Value : b;

    private static readonly double[] PlaceWeights = [.. SampleTables.Places.Select(p => p.Weight)];

    // The customer's place in the order of activity: each index has another one, as the factor is a prime above all counts.
    private int Rank(int index) => (int)((((ulong)(uint)index * 2_654_435_761) + (seed % (uint)CustomerCount)) % (uint)CustomerCount);

    /// <summary>
    /// How many events the customers of the lowest ranks have together. Differences of it add up to all events exactly. The busiest fifth
    /// has three fifths of them, and the tail is a power law; the first twentieth has none.
    /// </summary>
    private long Share(int ranks)
    {
        var v = Math.Max(((double)ranks / CustomerCount) - 0.05, 0) / 0.95;
        var rest = Math.Sqrt(1 - Math.Min(v, 1));
        var power = rest * Math.Sqrt(Math.Sqrt(Math.Sqrt(rest))); // (1 − v)^0.5625
        return ranks == CustomerCount ? EventCount : (long)(EventCount * (v * v * (1 - power)));
    }

    private static int Product(ref SampleRandom random, int[] favourites, double wealth)
    {
        var category = random.Chance(0.65) ? random.Pick(favourites) : random.Below(SampleTables.Categories.Length);
        var dear = random.Unit() * (0.4 + (0.6 * random.Unit())) * (0.6 + (0.4 * wealth));
        return (category * SampleProperties.ProductsPerCategory) + Math.Min((int)(dear * SampleProperties.ProductsPerCategory), SampleProperties.ProductsPerCategory - 1);
    }

    // What the customer does at a time, into a buffer that the caller keeps.
    private static int Session(ref SampleRandom random, Person person, Step[] steps, bool isReturning, out string channel)
    {
        channel = "web";
        if (isReturning)
        {
            steps[0] = random.Chance(0.8) ? Step.Refund : Step.Review;
            return 1;
        }

        var count = 0;
        var roll = random.Unit();
        if (roll < 0.08)
        {
            channel = "store";
            steps[0] = Step.Order;
            return 1;
        }

        if (roll < 0.105)
        {
            channel = random.Chance(0.5) ? "phone" : "email";
            steps[0] = Step.Ticket;
            return 1;
        }

        if (roll < (person.ReadsNewsletter ? 0.4 : 0.12))
        {
            channel = "email";
            steps[count++] = Step.Open;
            if (random.Chance(0.3))
            {
                steps[count++] = Step.Click;
                if (random.Chance(0.35))
                {
                    steps[count++] = Step.Accept;
                }
            }

            return count;
        }

        if (person.HasApp && random.Chance(0.6))
        {
            channel = "app";
            steps[count++] = Step.App;
        }

        for (var i = random.Below(3); i >= 0; i--)
        {
            steps[count++] = Step.Page;
        }

        for (var i = random.Below(3); i > 0; i--)
        {
            steps[count++] = Step.View;
        }

        if (random.Chance(0.45))
        {
            steps[count++] = Step.Cart;
            if (random.Chance(0.6))
            {
                steps[count++] = Step.Order;
            }
        }

        return count;
    }

    private DateTimeOffset SessionStart(ref SampleRandom random, Person person, double progress, short[] zone)
    {
        var at = person.From + ((person.To - person.From) * progress);
        var day = (int)dayOfPart[Math.Min((int)(at / upTo[Days] * dayOfPart.Length), dayOfPart.Length - 1)];
        while (day < Days - 1 && upTo[day + 1] <= at)
        {
            day++;
        }

        var seconds = (HourTables[person.Hours][random.Below(256)] * 3600) + random.Below(3600);
        var start = new DateTimeOffset(FirstDay.AddDays(day), TimeOnly.MinValue, TimeSpan.Zero).AddSeconds(seconds - (60 * zone[day]));
        return start > now.AddHours(-1) ? start.AddDays(-1) : start;
    }

    // Each season has its campaign.
    private static int Campaign(DateTimeOffset at) => at.Month switch { >= 3 and <= 5 => 0, 6 or 7 => 1, 8 or 9 => 2, 10 => 3, 11 => 4, _ => 5 };

    private static double Weight(DateOnly day)
    {
        var weight = SampleTables.Months[day.Month - 1] * SampleTables.Weekdays[((int)day.DayOfWeek + 6) % 7];
        return day switch
        {
            // Black Friday and the weekend after it.
            { Month: 11, Day: >= 22 and <= 30 } when day.DayOfWeek is DayOfWeek.Thursday or DayOfWeek.Friday or DayOfWeek.Saturday or DayOfWeek.Sunday => weight * 2,
            { Month: 12, Day: >= 24 and <= 26 } => weight * 0.35,
            _ => weight,
        };
    }

    private static byte[] HourTable(double[] weights)
    {
        var table = new byte[256];
        var (total, sum, hour) = (weights.Sum(), weights[0], 0);
        for (var i = 0; i < table.Length; i++)
        {
            while (hour < 23 && sum / total * table.Length <= i)
            {
                sum += weights[++hour];
            }

            table[i] = (byte)hour;
        }

        return table;
    }

    private static string EventId(int number) => "e" + number.ToString(CultureInfo.InvariantCulture);

    private static decimal Money(int cents) => new(Math.Abs(cents), 0, 0, cents < 0, 2);

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
        for (var i = code.IndexOfAny(Blanks); i >= 0; i = code.IndexOfAny(Blanks))
        {
            code[i] = code[i] == '#' ? (char)('0' + random.Below(10)) : (char)('A' + random.Below(26));
        }

        return code.ToString();
    }

    // The letters that every mail server takes.
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

    private sealed class JsonWriter
    {
        private readonly ArrayBufferWriter<byte> bytes = new(256);

        public JsonWriter()
        {
            Json = new Utf8JsonWriter(bytes);
            Json.WriteStartObject();
        }

        public Utf8JsonWriter Json { get; }

        public JsonElement Read()
        {
            Json.WriteEndObject();
            Json.Flush();
            return JsonElement.Parse(bytes.WrittenSpan);
        }
    }
}
