using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>What the customer cares for.</summary>
public sealed class Psychographic
{
    public string[] Interests { get; set { field = value; InterestsFolded = Normalize(value); } } = [];
    public string[] InterestsFolded { get; private set; } = [];
    public string[] Values { get; set { field = value; ValuesFolded = Normalize(value); } } = [];
    public string[] ValuesFolded { get; private set; } = [];
    public string[] Attitudes { get; set { field = value; AttitudesFolded = Normalize(value); } } = [];
    public string[] AttitudesFolded { get; private set; } = [];
    public string[] Motivations { get; set { field = value; MotivationsFolded = Normalize(value); } } = [];
    public string[] MotivationsFolded { get; private set; } = [];
    public string? Lifestyle { get; set { field = value; LifestyleFolded = CaseNormalizer.Normalize(value); } }
    public string? LifestyleFolded { get; private set; }
    public string? Personality { get; set { field = value; PersonalityFolded = CaseNormalizer.Normalize(value); } }
    public string? PersonalityFolded { get; private set; }

    private static string[] Normalize(string[] texts) => Array.ConvertAll(texts, CaseNormalizer.Normalize)!;
}
