using System.ComponentModel;

namespace Segmentation.Api.Customers;

/// <summary>Who the customer is.</summary>
public sealed class DemographicResource
{
    /// <summary>Whole years, today in UTC.</summary>
    [ReadOnly(true)]
    public int? Age { get; set; }
    public DateOnly? BirthDate { get; set; }
    public string? Gender { get; set; }
    public string? Education { get; set; }
    public string? Occupation { get; set; }
    public string? MaritalStatus { get; set; }

    /// <summary>Free text; BCP 47 by custom.</summary>
    public string? Language { get; set; }

    /// <summary>Income a year, in account currency.</summary>
    public decimal? Income { get; set; }

    /// <summary>People in the household.</summary>
    public int? HouseholdSize { get; set; }

    /// <summary>Children in the household.</summary>
    public int? Children { get; set; }
}

/// <summary>Where the customer is.</summary>
public sealed class GeographicResource
{
    /// <summary>ISO 3166-1 alpha-2.</summary>
    public string? Country { get; set; }
    public string? Region { get; set; }
    public string? City { get; set; }
    public string? PostalCode { get; set; }

    /// <summary>IANA name.</summary>
    public string? TimeZone { get; set; }

    /// <summary>tropical, arid, temperate, continental or polar.</summary>
    public string? Climate { get; set; }
    public LocationResource? Location { get; set; }
}

/// <summary>A place in degrees.</summary>
public sealed class LocationResource
{
    /// <summary>-90 to 90.</summary>
    public double? Latitude { get; set; }

    /// <summary>-180 to 180.</summary>
    public double? Longitude { get; set; }

    internal static LocationResource? From(Geographic geographic) =>
        geographic is { Latitude: { } latitude, Longitude: { } longitude } ? new() { Latitude = latitude, Longitude = longitude } : null;
}

/// <summary>What the customer cares for.</summary>
public sealed class PsychographicResource
{
    public string?[]? Interests { get; set; }
    public string?[]? Values { get; set; }
    public string?[]? Attitudes { get; set; }
    public string?[]? Motivations { get; set; }
    public string? Lifestyle { get; set; }
    public string? Personality { get; set; }
}

/// <summary>A standing consent.</summary>
public sealed class ConsentResource
{
    public bool? Granted { get; set; }

    /// <summary>When it was given or withdrawn; now when left out.</summary>
    public DateTimeOffset? At { get; set; }
}

/// <summary>What orders and refunds add up to.</summary>
public sealed class ValueResource
{
    /// <summary>Gross amount of orders less refunds, in account currency.</summary>
    public decimal? LifetimeValue { get; set; }

    /// <summary>Gross amount of orders / orders.</summary>
    public decimal? AverageOrderValue { get; set; }
    public int? OrderCount { get; set; }
    public DateTimeOffset? FirstOrderAt { get; set; }
    public DateTimeOffset? LastOrderAt { get; set; }

    /// <summary>Whole periods of 24 hours.</summary>
    public int? DaysSinceLastOrder { get; set; }
}

/// <summary>What events add up to.</summary>
public sealed class BehavioralResource
{
    public DateTimeOffset? LastEventAt { get; set; }
    public int? EventCount { get; set; }
}
