using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>What a customer's id is.</summary>
public static class CustomerIds
{
    /// <summary>What an id must be, to follow its name in error texts.</summary>
    public const string Requirement =
        "must have 1 to 128 characters, none of them a control character or '/', no white space at either end, "
        + "and not be \".\", \"..\", \"export\" or \"import\"";

    // Addresses in which these stand mean something else: clients resolve the first two before they send them.
    private static readonly HashSet<string> reserved = new(StringComparer.OrdinalIgnoreCase) { ".", "..", "export", "import" };

    /// <summary>Whether a text can be the id of a customer that is written: its address then leads to it.</summary>
    public static bool IsValid(string? id) =>
        CanExist(id) && !char.IsWhiteSpace(id![0]) && !char.IsWhiteSpace(id[^1]) && !reserved.Contains(id);

    /// <summary>Whether a stored customer can have this id: some were taken before <see cref="IsValid"/> was as strict as it is.</summary>
    public static bool CanExist(string? id) =>
        id is { Length: >= 1 and <= Customer.IdMaxLength } && !id.Any(c => char.IsControl(c) || c == '/') && IsWellFormed(id);

    /// <summary>The id, if a customer with it can be written.</summary>
    /// <exception cref="ApiProblem">400 at the given place.</exception>
    public static string Check(string? id, string pointer) =>
        IsValid(id) ? id! : throw ApiProblem.Invalid(pointer, $"A customer's id {Requirement}.");

    /// <summary>The id, if a stored customer can have it.</summary>
    /// <exception cref="ApiProblem">400 at the given place.</exception>
    public static string CheckStored(string? id, string pointer = "id") => CanExist(id) ? id! : throw ApiProblem.Invalid(
        pointer, "A customer's id must have 1 to 128 characters, none of them a control character or '/'.");

    // Half a surrogate pair has no UTF-8.
    private static bool IsWellFormed(string id)
    {
        for (var i = 0; i < id.Length; i++)
        {
            if (char.IsSurrogate(id[i]) && !(char.IsSurrogatePair(id, i) && ++i > 0))
            {
                return false;
            }
        }

        return true;
    }
}
