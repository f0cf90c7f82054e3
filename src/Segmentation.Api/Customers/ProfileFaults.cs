using System.Globalization;
using Segmentation.Api.Data;

namespace Segmentation.Api.Customers;

/// <summary>
/// What can be wrong with a property of a profile, as texts that follow its name and never quote its value; null when nothing is.
/// </summary>
internal static class ProfileFaults
{
    public static string? IdFault(string? id) => id is null || CustomerIds.IsValid(id) ? null : CustomerIds.Requirement;

    // PostgreSQL holds no NUL.
    public static string? TextFault(string? text, int maxLength = Customer.TextMaxLength) => text is null ? null
        : text.Length > maxLength ? $"must have at most {Number(maxLength)} characters"
        : text.Contains('\0', StringComparison.Ordinal) ? "must not contain a NUL character"
        : null;

    public static string? SetFault(string?[]? items) => items is null or [] ? null
        : items.Length > Customer.SetMaxItems ? $"must have at most {Number(Customer.SetMaxItems)} items"
        : items.Contains(null) ? "must be a list of strings"
        : Array.Find(Array.ConvertAll(items, item => TextFault(item)), fault => fault is not null);

    public static string? NegativeFault(int? number) => number is null or >= 0 ? null : "must be an integer of 0 or more";

    public static string? BirthDateFault(DateOnly? date) =>
        date is null or { Year: >= 2 and <= 9998 } ? null : "must be a date of the years 2 to 9998";

    public static string? CountryFault(string? code) => code is null || Geographic.IsCountry(code) ? null
        : "must be a country's two letters (ISO 3166-1 alpha-2): \"DE\"";

    public static string? ZoneFault(string? name, TimeZones zones) => name is null || zones.Canonical(name) == name ? null
        : "must be the IANA name of a time zone: \"Europe/Berlin\"";

    public static string? ClimateFault(string? name) => name is null || Geographic.Climates.Contains(name) ? null
        : $"must be one of {string.Join(", ", Geographic.Climates)}";

    public static string? LatitudeFault(double? degrees) => degrees is >= -90 and <= 90 ? null
        : "must be degrees from -90 to 90, given together with the longitude";

    public static string? LongitudeFault(double? degrees) => degrees is >= -180 and <= 180 ? null
        : "must be degrees from -180 to 180, given together with the latitude";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
