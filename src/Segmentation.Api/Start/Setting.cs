namespace Segmentation.Api;

/// <summary>A setting: what <c>--help</c> and the README say of it, and what the start checks its value against.</summary>
/// <param name="Name">Its sections and name, with colons between: <c>Database:WorkMem</c>.</param>
/// <param name="Default">What holds without it, as the README shows it.</param>
/// <param name="About">Markdown; the first sentence is what <c>--help</c> shows.</param>
/// <param name="Check">What a value must be, as the end of "NAME must be"; null for a value that is right.</param>
internal sealed record Setting(string Name, string Default, string About, Func<string, string?> Check)
{
    /// <summary>In JSON an array, elsewhere one text with commas; <see cref="Check"/> is about each of its texts.</summary>
    public bool IsList { get; init; }

    /// <summary>One that takes further names of the caller's own: <c>Embedded:Settings:shared_buffers</c>.</summary>
    public bool IsOpen { get; init; }

    /// <summary>The part of the name that stands for one of several, and those: <c>CLASS</c> of <c>Limits:CLASS:Pool</c>.</summary>
    public (string Part, IReadOnlyList<string> Names)? Each { get; init; }

    /// <summary>The name as documents show it.</summary>
    public string Title => IsOpen ? Name + ":NAME" : Name;

    private IEnumerable<string> Names =>
        Each is var (part, names) ? names.Select(n => Name.Replace(part, n, StringComparison.Ordinal)) : [Name];

    /// <summary>Whether a configuration key is this setting, or a part of it.</summary>
    public bool Includes(string key) => Names.Any(n => Includes(n, key));

    /// <summary>Whether it is a setting of a section, or of one within it.</summary>
    public bool IsIn(string section) => Names.Any(n => n.StartsWith(section + ":", StringComparison.OrdinalIgnoreCase));

    private bool Includes(string name, string key) =>
        key.Equals(name, StringComparison.OrdinalIgnoreCase)
            ? !IsOpen
            : key.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)
                && (IsOpen || (IsList && key.AsSpan(name.Length + 1).IndexOfAnyExceptInRange('0', '9') < 0));
}
