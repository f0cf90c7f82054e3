namespace Segmentation.Api.Customers;

/// <summary>Which fixed fields are sensitive.</summary>
/// <param name="Fields">By the names that rules have for them; each was checked at the start.</param>
public sealed record SensitiveOptions(IReadOnlyList<string> Fields)
{
    /// <summary>From the setting: a list, or texts with commas between.</summary>
    internal static SensitiveOptions Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(SensitiveFields.Setting);
        var texts = section.GetChildren().Select(c => c.Value).Append(section.Value).OfType<string>();
        const StringSplitOptions clean = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
        return new SensitiveOptions([.. texts.SelectMany(t => t.Split(',', clean)).Distinct()]);
    }
}
