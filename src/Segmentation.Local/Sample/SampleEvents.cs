using System.Globalization;
using Segmentation.Api.Events;

namespace Segmentation.Local;

/// <summary>Makes a customer's events: sessions on the web, in the app and in stores, mails, support.</summary>
internal static class SampleEvents
{
    // Ids of events are unique for their customer, so small numbers do, and the texts are shared.
    private static readonly string[] EventIds = [.. Enumerable.Range(0, 4096).Select(EventId)];

    // By step.
    private static readonly string[] Types =
    [
        "page_viewed", "product_viewed", "cart_added", "order_completed", "order_refunded", "review_posted", "support_ticket",
        "email_opened", "email_clicked",
        "campaign_accepted", "app_opened",
    ];

    private enum Step : byte { Page, View, Cart, Order, Refund, Review, Ticket, Open, Click, Accept, App }

    /// <summary>A customer's events, nearly in the order of time.</summary>
    /// <param name="person">What the events go by.</param>
    /// <param name="count">How many.</param>
    /// <param name="calendar">When things happen.</param>
    /// <param name="random">The customer's own numbers.</param>
    public static IEnumerable<CustomerEvent> Create(SamplePerson person, long count, SampleCalendar calendar, SampleRandom random)
    {
        var done = 0L;
        var favourites = SampleTables.Favourites[person.Archetype];
        var session = new Step[16];
        var (isReturning, ordered, orderedCents) = (false, 0, 0);
        while (done < count)
        {
            var product = Product(ref random, favourites, person.Wealth);
            var device = random.Below(SampleTables.Devices.Length);
            var steps = Session(ref random, person, session, isReturning, out var channel);
            isReturning = false;

            // Sessions are spread evenly over what is going on in the customer's time here, so that seasons show.
            var at = calendar.SessionStart(ref random, person, (done + (random.Unit() * steps)) / count);
            var cents = SampleProperties.Cents(product);
            for (var i = 0; i < steps && done < count; i++)
            {
                var made = new CustomerEvent
                {
                    Id = done < EventIds.Length ? EventIds[done] : EventId((int)done),
                    Type = Types[(int)session[i]],
                    OccurredAt = at,
                    Channel = channel
                };
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
                        properties = SampleProperties.Ticket(
                            random.Below(SampleTables.TicketTopics.Length), 1 + random.Below(3), random.Chance(0.8));
                        break;
                    case Step.Open or Step.Click or Step.Accept:
                        properties = SampleProperties.Campaign(Campaign(at));
                        break;
                    default:
                        properties = random.Chance(0.9) ? SampleProperties.App(random.Below(SampleProperties.AppVersions)) : null;
                        break;
                }

                (made.Properties, made.PropertiesSent) = (properties?.Normalized, properties?.Original);
                at = at.AddSeconds(15 + random.Below(150));
                done++;
                yield return made;
            }
        }
    }

    private static int Product(ref SampleRandom random, int[] favourites, double wealth)
    {
        var category = random.Chance(0.65) ? random.Pick(favourites) : random.Below(SampleTables.Categories.Length);
        var dear = random.Unit() * (0.4 + (0.6 * random.Unit())) * (0.6 + (0.4 * wealth));
        return (category * SampleProperties.ProductsPerCategory)
            + Math.Min((int)(dear * SampleProperties.ProductsPerCategory), SampleProperties.ProductsPerCategory - 1);
    }

    // What the customer does in one session, into a buffer that the caller keeps.
    private static int Session(ref SampleRandom random, SamplePerson person, Step[] steps, bool isReturning, out string channel)
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

        if (random.Chance(person.IsDecided ? 0.9 : 0.45))
        {
            steps[count++] = Step.Cart;
            if (random.Chance(person.IsDecided ? 0.95 : 0.6))
            {
                steps[count++] = Step.Order;
            }
        }

        return count;
    }

    // Each season has its campaign.
    private static int Campaign(DateTimeOffset at) =>
        at.Month switch { >= 3 and <= 5 => 0, 6 or 7 => 1, 8 or 9 => 2, 10 => 3, 11 => 4, _ => 5 };

    private static string EventId(int number) => "e" + number.ToString(CultureInfo.InvariantCulture);

    private static decimal Money(int cents) => new(Math.Abs(cents), 0, 0, cents < 0, 2);
}
