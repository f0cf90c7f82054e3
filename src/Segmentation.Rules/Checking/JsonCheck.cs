using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>
/// Refuses what PostgreSQL can't hold or .NET can't read, even where it has no effect: NUL, surrogates without a partner, endless numbers;
/// and a property that an object has twice, of which readers would disagree which counts.
/// </summary>
internal sealed class JsonCheck(Compilation compilation)
{
    private const int MaxNumberLength = 400;
    private const int MaxExponentDigits = 3;

    /// <summary>Whether a string or a name is not valid Unicode, so that .NET can't read it.</summary>
    public bool Unreadable { get; private set; }

    public void Check(JsonElement element, string pointer)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                CheckObject(element, pointer);
                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in element.EnumerateArray())
                {
                    Check(item, $"{pointer}/{index++}");
                }

                break;
            case JsonValueKind.String:
                CheckString(element, pointer);
                break;
            case JsonValueKind.Number:
                var number = element.GetRawText();
                var exponent = number.AsSpan(number.IndexOfAny(['e', 'E']) + 1);
                var hasLongExponent = exponent.Length != number.Length && exponent.TrimStart("+-0").Length > MaxExponentDigits;
                compilation.AddErrorIf(number.Length > MaxNumberLength || hasLongExponent, pointer, RuleNumber.Range);
                break;
        }
    }

    private void CheckObject(JsonElement element, string pointer)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            string name;
            try
            {
                name = property.Name;
            }
            catch (InvalidOperationException)
            {
                compilation.AddError(pointer, "A property name here is not valid Unicode.");
                Unreadable = true;
                continue;
            }

            if (name.Contains('\0', StringComparison.Ordinal))
            {
                compilation.AddError(pointer, "A property name can't contain the character NUL.");
                continue;
            }

            compilation.AddErrorIf(!seen.Add(name), RuleError.Below(pointer, name), "Duplicate property.");
            Check(property.Value, RuleError.Below(pointer, name));
        }
    }

    private void CheckString(JsonElement element, string pointer)
    {
        try
        {
            var hasNul = element.GetString()!.Contains('\0', StringComparison.Ordinal);
            compilation.AddErrorIf(hasNul, pointer, "A string can't contain the character NUL.");
        }
        catch (InvalidOperationException)
        {
            compilation.AddError(pointer, "This string is not valid Unicode.");
            Unreadable = true;
        }
    }
}
