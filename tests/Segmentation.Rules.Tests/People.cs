namespace Segmentation.Rules.Tests;

/// <summary>Three people that rules distinguish: Anna, Ben, and Nobody, of whom nothing is known.</summary>
public static class People
{
    public static readonly Person Anna = new Person
    {
        Key = 1,
        Name = "anna",
        City = "berlin",
        Country = "de",
        Born = new(1990, 5, 15),
        Children = 2,
        Points = 10,
        Income = 50_000.50m,
        Orders = (100, 4),
        Vip = true,
        Consents = ["ads"],
        SeenAt = Instants.Parse("2024-05-15T10:00Z"),
        OrderedAt = Instants.Parse("2024-05-05T12:00Z"),
        CreatedAt = Instants.Parse("2024-05-15T10:00Z"),
        Tags = ["shoes", "bags"],
        Place = (52.52, 13.405),
        TimeZone = "Asia/Tokyo",
        Manual = [7],
    }.With(
        new("view", "2024-05-01T08:00Z", null, "web"),
        new("order_completed", "2024-05-02T09:00Z", 10, "web", "{'category':'shoes','n':5,'gift':true,'size':{'eu':'42'},'none':null}"),
        new("order_completed", "2024-05-03T16:00Z", 30.5m, "store", "{'category':'bags','n':'5','gift':'true','list':[1]}"),
        new("order_completed", "2024-05-15T12:00:00.000001Z", 1000, "future"));

    public static readonly Person Ben = new Person
    {
        Key = 2,
        Name = "ben_50%",
        City = "ben_50%",
        Country = "at",
        Born = new(2000, 2, 29),
        Children = 0,
        Points = 0,
        Income = -1.5m,
        Orders = (10, 3),
        Vip = false,
        SeenAt = Instants.Parse("2023-12-31T23:30Z"),
        OrderedAt = Instants.Parse("2024-05-05T12:00:00.000001Z"),
        Tags = ["bags"],
        Place = (-33.87, 151.21),
    }.With(new("view", "2024-05-02T09:00Z", 5, properties: "{'n':-2.5,'category':''}"), new("view", "2024-05-02T10:00Z"));

    public static readonly Person Nobody = new() { Key = 3 };

    public static readonly (char Letter, Person Person)[] All = [('A', Anna), ('B', Ben), ('N', Nobody)];
}
