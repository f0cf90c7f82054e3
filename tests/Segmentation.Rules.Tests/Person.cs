namespace Segmentation.Rules.Tests;

/// <summary>What rules are tested on: one property for each type of field and each way of reading one. Strings are normalized.</summary>
public sealed class Person
{
    public long Key { get; init; } = 1;
    public string? Name { get; init; }
    public string? City { get; init; }
    public string? Country { get; init; }
    public DateOnly? Born { get; init; }
    public int? Children { get; init; }
    public decimal? Points { get; init; }
    public decimal? Income { get; init; }
    public (decimal Total, int Count) Orders { get; init; }
    public bool? Vip { get; init; }
    public string[] Consents { get; init; } = [];
    public DateTimeOffset? SeenAt { get; init; }
    public DateTimeOffset? OrderedAt { get; init; }
    public DateTimeOffset CreatedAt { get; init; } = Instants.Parse("2020-01-01T00:00Z");
    public string[] Tags { get; init; } = [];
    public (double Latitude, double Longitude)? Place { get; init; }
    public string? TimeZone { get; init; }
    public int[] Manual { get; init; } = [];
    public List<Happening> Events { get; } = [];

    public Person With(params Happening[] events)
    {
        foreach (var happening in events)
        {
            Events.Add(happening);
            (happening.Person, happening.PersonKey) = (this, Key);
        }

        return this;
    }
}
