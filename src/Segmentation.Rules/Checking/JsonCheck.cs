using System.Globalization;
using System.Text.Json;

namespace Segmentation.Rules.Checking;

/// <summary>
/// Refuses what PostgreSQL can't hold or .NET can't read, even where it has no effect: NUL, surrogates without a partner, endless numbers;
/// and a property that an object has twice, of which readers would disagree which counts.
/// </summary>
internal sealed class JsonCheck(Compilation compilation)
{
    private const int MaxMantissaLength = 400;
    private const int MaxExponentDigits = 3;

    // What PostgreSQL writes a number as that has an exponent: a stored rule must be no more than the one that was sent.
    private const int MaxNumberLength = 1500;

    /// <summary>Whether a string or a name is not valid Unicode, so that .NET can't read it.</summary>
    public bool Unreadable { get; private set; }

    /// <summary>How many characters more the rule may have when its numbers are written without exponents, as PostgreSQL does.</summary>
    public int Expansion { get; private set; }

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
                CheckNumber(element.GetRawText(), pointer);
                break;
        }
    }

    private void CheckNumber(string number, string pointer)
    {
        var mark = number.IndexOfAny(['e', 'E']);
        var exponent = mark < 0 ? [] : number.AsSpan(mark + 1).TrimStart("+-0");
        Expansion += exponent.Length is 0 or > MaxExponentDigits ? 0 : int.Parse(exponent, NumberStyles.None, CultureInfo.InvariantCulture);
        compilation.AddErrorIf(
            number.Length > (mark < 0 ? MaxNumberLength : MaxMantissaLength) || exponent.Length > MaxExponentDigits,
            pointer,
            "This number has more digits than a rule can hold.");
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
