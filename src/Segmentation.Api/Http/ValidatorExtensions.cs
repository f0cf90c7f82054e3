using FluentValidation;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Http;

/// <summary>From a validator's answer to a problem.</summary>
internal static class ValidatorExtensions
{
    /// <summary>Checks a body. A validator's property names are JSON Pointers (<c>/name</c>); a list's items follow as <c>/0</c>.</summary>
    /// <param name="at">JSON Pointer to where the body stands in the request.</param>
    /// <param name="more">Faults that were found elsewhere.</param>
    /// <exception cref="ApiProblem">400 with every fault.</exception>
    public static void Check<T>(this IValidator<T> validator, T body, string at = "", params IEnumerable<RuleError> more)
    {
        var errors = validator.Validate(body).Errors.Select(e => new RuleError(at + Pointer(e.PropertyName), e.ErrorMessage)).Concat(more)
            .ToList();
        if (errors.Count > 0)
        {
            throw ApiProblem.Invalid(errors);
        }
    }

    private static string Pointer(string name) =>
        name.Replace("[", "/", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal);
}
