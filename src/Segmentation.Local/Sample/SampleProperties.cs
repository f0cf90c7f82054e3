using System.Globalization;
using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Local;

/// <summary>
/// The properties that events of the sample carry: some thousand documents, each made when first needed and shared by all events that
/// carry it, for parsing one for every event would take longer than all the rest.
/// </summary>
internal sealed class SampleProperties
{
    public const int ProductsPerCategory = 24;
    public const int MaxQuantity = 4;
    public const int AppVersions = 8;

    private static readonly int Categories = SampleTables.Categories.Length;
    private static readonly int ProductCount = Categories * ProductsPerCategory;

    private static readonly SampleProperties?[] Pages = new SampleProperties[Categories * SampleTables.Devices.Length];
    private static readonly SampleProperties?[] Products = new SampleProperties[ProductCount];
    private static readonly SampleProperties?[] Orders = new SampleProperties[ProductCount * MaxQuantity * 2];
    private static readonly SampleProperties?[] Refunds = new SampleProperties[Categories * SampleTables.RefundReasons.Length];
    private static readonly SampleProperties?[] Reviews = new SampleProperties[Categories * 5];
    private static readonly SampleProperties?[] Tickets = new SampleProperties[SampleTables.TicketTopics.Length * 3 * 2];
    private static readonly SampleProperties?[] Campaigns = new SampleProperties[SampleTables.Campaigns.Length];
    private static readonly SampleProperties?[] Apps = new SampleProperties[AppVersions];

    private SampleProperties(string json)
    {
        var normalized = CaseNormalizer.Normalize(json);
        Normalized = JsonElement.Parse(normalized);
        Original = normalized == json ? null : JsonElement.Parse(json);
    }

    /// <summary>With normalized texts; here no property's name has capitals.</summary>
    public JsonElement Normalized { get; }

    /// <summary>The original, where it differs.</summary>
    public JsonElement? Original { get; }

    /// <summary>A product's price, in cents: from a third of what is usual in its category to three times as much.</summary>
    public static int Cents(int product)
    {
        var usual = SampleTables.Categories[product / ProductsPerCategory].Cents;
        return ((usual * (35 + (12 * (product % ProductsPerCategory))) / 100) / 100 * 100) + 95;
    }

    public static SampleProperties Page(int category, int device) => Pages[(category * SampleTables.Devices.Length) + device] ??= new(
        $$"""{"page":"/{{Name(category)}}","category":"{{Name(category)}}","device":"{{SampleTables.Devices[device]}}"}""");

    public static SampleProperties Product(int product) => Products[product] ??= new(
        $$"""{"category":"{{Category(product).Name}}","price":{{Price(product)}},{{Details(product)}} }""");

    public static SampleProperties Order(int product, int quantity, bool coupon) =>
        Orders[(((product * MaxQuantity) + quantity - 1) * 2) + (coupon ? 1 : 0)] ??= new(
            $$"""{"category":"{{Category(product).Name}}","quantity":{{Number(quantity)}},"coupon":{{Boolean(coupon)}},"""
            + $$"""{{Details(product)}} }""");

    public static SampleProperties Refund(int product, int reason) =>
        Refunds[(product / ProductsPerCategory * SampleTables.RefundReasons.Length) + reason] ??= new(
            $$"""{"category":"{{Category(product).Name}}","reason":"{{SampleTables.RefundReasons[reason]}}"}""");

    public static SampleProperties Review(int product, int rating) => Reviews[(product / ProductsPerCategory * 5) + rating - 1] ??= new(
        $$"""{"category":"{{Category(product).Name}}","rating":{{Number(rating)}} }""");

    public static SampleProperties Ticket(int topic, int priority, bool resolved) =>
        Tickets[(((topic * 3) + priority - 1) * 2) + (resolved ? 1 : 0)] ??= new(
            $$"""{"topic":"{{SampleTables.TicketTopics[topic]}}","priority":{{Number(priority)}},"resolved":{{Boolean(resolved)}} }""");

    public static SampleProperties Campaign(int campaign) => Campaigns[campaign] ??= new(
        $$"""{"campaign":{"number":{{Number(campaign + 1)}},"name":"{{SampleTables.Campaigns[campaign]}}" } }""");

    public static SampleProperties App(int version) => Apps[version] ??= new(
        $$"""{"version":"{{Number(4 + (version / 4))}}.{{Number(version % 4)}}","push":{{Boolean(version % 2 == 0)}} }""");

    private static SampleCategory Category(int product) => SampleTables.Categories[product / ProductsPerCategory];

    private static string Price(int product) => (Cents(product) / 100m).ToString(CultureInfo.InvariantCulture);

    private static string Details(int product)
    {
        var (category, number) = (Category(product), product % ProductsPerCategory);
        var sku = $"{category.Sku}-{(number + 1).ToString("00", CultureInfo.InvariantCulture)}";
        return "\"product\":" + $$"""{"sku":"{{sku}}","brand":"{{category.Brands[number % category.Brands.Length]}}" }""";
    }

    private static string Name(int category) => SampleTables.Categories[category].Name;

    private static string Boolean(bool value) => value ? "true" : "false";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
