using System.Collections;
using System.Globalization;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Http;

/// <summary>Marks what takes parameters of the query string that it does not have: a protocol's clients send their own.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class TakesAnyQueryAttribute : Attribute, IFilterMetadata;

/// <summary>
/// Refuses parameters of the query string that an address does not have, and those that are there more than once: a filter that is
/// misspelt must not list everyone.
/// </summary>
internal sealed class QueryParameterFilter : IResourceFilter
{
    public void OnResourceExecuting(ResourceExecutingContext context)
    {
        var query = context.HttpContext.Request.Query;
        if (query.Count == 0 || context.Filters.OfType<TakesAnyQueryAttribute>().Any())
        {
            return;
        }

        var known = context.ActionDescriptor.Parameters.Where(p => p.BindingInfo?.BindingSource == BindingSource.Query)
            .ToDictionary(p => p.BindingInfo!.BinderModelName ?? p.Name, p => p.ParameterType, StringComparer.OrdinalIgnoreCase);
        RuleError[] faults =
        [
            .. query.Where(q => !known.ContainsKey(q.Key)).Select(q => new RuleError(q.Key, Describe(q.Key, known.Keys))),
            .. query.Where(q => q.Value.Count > 1 && known.TryGetValue(q.Key, out var type) && !IsList(type)).Select(q => new RuleError(
                q.Key, $"{q.Key} is there {q.Value.Count.ToString(CultureInfo.InvariantCulture)} times; send it once.")),
        ];
        if (faults is not [])
        {
            throw ApiProblem.Invalid(faults);
        }
    }

    public void OnResourceExecuted(ResourceExecutedContext context)
    {
    }

    private static string Describe(string name, IReadOnlyCollection<string> known) =>
        $"{ErrorText.Quote(name)} is not a parameter of this address. "
        + (known.Count == 0 ? "It has none." : NearestName.Hint(name, known));

    private static bool IsList(Type type) => type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(type);
}
