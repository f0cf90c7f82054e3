using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>What a customer's id is.</summary>
public static class CustomerIds
{
    /// <summary>What an id must be, for error texts.</summary>
    public const string Rule = "A customer's id is 1 to 128 characters, without control characters and \"/\".";

    /// <summary>Whether a text can be an id.</summary>
    public static bool IsValid(string? id) =>
        id is { Length: >= 1 and <= Customer.IdMaxLength } && !id.Any(c => char.IsControl(c) || c == '/') && IsWellFormed(id);

    /// <summary>The id, if it can be one.</summary>
    /// <exception cref="ApiProblem">400 at the given place.</exception>
    public static string Check(string? id, string pointer = "id") => IsValid(id) ? id! : throw ApiProblem.Invalid(pointer, Rule);

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
