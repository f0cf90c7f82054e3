using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>What the customer cares for.</summary>
public sealed class Psychographic
{
    public string[] Interests { get; set { field = value; InterestsFolded = Array.ConvertAll(value, CaseNormalizer.Normalize)!; } } = [];
    public string[] InterestsFolded { get; private set; } = [];
    public string[] Values { get; set { field = value; ValuesFolded = Array.ConvertAll(value, CaseNormalizer.Normalize)!; } } = [];
    public string[] ValuesFolded { get; private set; } = [];
    public string[] Attitudes { get; set { field = value; AttitudesFolded = Array.ConvertAll(value, CaseNormalizer.Normalize)!; } } = [];
    public string[] AttitudesFolded { get; private set; } = [];
    public string[] Motivations { get; set { field = value; MotivationsFolded = Array.ConvertAll(value, CaseNormalizer.Normalize)!; } } = [];
    public string[] MotivationsFolded { get; private set; } = [];
    public string? Lifestyle { get; set { field = value; LifestyleFolded = CaseNormalizer.Normalize(value); } }
    public string? LifestyleFolded { get; private set; }
    public string? Personality { get; set { field = value; PersonalityFolded = CaseNormalizer.Normalize(value); } }
    public string? PersonalityFolded { get; private set; }
}
