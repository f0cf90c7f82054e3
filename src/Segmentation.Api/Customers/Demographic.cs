using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>Who the customer is.</summary>
public sealed class Demographic
{
    public DateOnly? BirthDate { get; set { field = value; BirthMonthDay = value is { } d ? (d.Month * 100) + d.Day : null; } }

    /// <summary>Month × 100 + day of the birth date, for yearly rules.</summary>
    public int? BirthMonthDay { get; private set; }
    public string? Gender { get; set { field = value; GenderFolded = CaseNormalizer.Normalize(value); } }
    public string? GenderFolded { get; private set; }
    public string? Education { get; set { field = value; EducationFolded = CaseNormalizer.Normalize(value); } }
    public string? EducationFolded { get; private set; }
    public string? Occupation { get; set { field = value; OccupationFolded = CaseNormalizer.Normalize(value); } }
    public string? OccupationFolded { get; private set; }
    public string? MaritalStatus { get; set { field = value; MaritalStatusFolded = CaseNormalizer.Normalize(value); } }
    public string? MaritalStatusFolded { get; private set; }
    public string? Language { get; set { field = value; LanguageFolded = CaseNormalizer.Normalize(value); } }
    public string? LanguageFolded { get; private set; }
    public decimal? Income { get; set; }
    public int? HouseholdSize { get; set; }
    public int? Children { get; set; }
}
