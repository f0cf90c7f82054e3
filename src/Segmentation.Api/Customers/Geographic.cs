using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Where the customer is.</summary>
public sealed class Geographic
{
    /// <summary>The climates that there are.</summary>
    public static readonly string[] Climates = ["tropical", "arid", "temperate", "continental", "polar"];

    /// <summary>ISO 3166-1 alpha-2, in capitals.</summary>
    public string? Country { get; set { field = value; CountryFolded = CaseNormalizer.Normalize(value); } }
    public string? CountryFolded { get; private set; }
    public string? Region { get; set { field = value; RegionFolded = CaseNormalizer.Normalize(value); } }
    public string? RegionFolded { get; private set; }
    public string? City { get; set { field = value; CityFolded = CaseNormalizer.Normalize(value); } }
    public string? CityFolded { get; private set; }
    public string? PostalCode { get; set { field = value; PostalCodeFolded = CaseNormalizer.Normalize(value); } }
    public string? PostalCodeFolded { get; private set; }

    /// <summary>An IANA time zone that both .NET and PostgreSQL know, in its canonical spelling.</summary>
    public string? TimeZone { get; set { field = value; TimeZoneFolded = CaseNormalizer.Normalize(value); } }
    public string? TimeZoneFolded { get; private set; }

    /// <summary>One of <see cref="Climates"/>, in lower case.</summary>
    public string? Climate { get; set; }

    /// <summary>Degrees, ±90; given with <see cref="Longitude"/> or not at all.</summary>
    public double? Latitude { get; set; }

    /// <summary>Degrees, ±180.</summary>
    public double? Longitude { get; set; }

    /// <summary>What <see cref="IsCountry"/> takes, as a regular expression without its ends.</summary>
    public const string CountryPattern = "[A-Za-z]{2}";

    /// <summary>Whether a text can be a country: two letters (ISO 3166-1 alpha-2).</summary>
    public static bool IsCountry(string text) => text.Length == 2 && char.IsAsciiLetter(text[0]) && char.IsAsciiLetter(text[1]);
}
