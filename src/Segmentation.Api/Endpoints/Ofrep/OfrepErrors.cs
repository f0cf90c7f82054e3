using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints;

/// <summary>A fault that OFREP has a code for.</summary>
internal sealed class OfrepFault(int status, string code, string details) : Exception(details)
{
    public int Status => status;

    public string Code => code;

    public static OfrepFault TargetingKeyMissing() => new(
        StatusCodes.Status400BadRequest, "TARGETING_KEY_MISSING", "targetingKey must be a text: the id of who is evaluated for.");

    public static OfrepFault InvalidContext(string details) => new(StatusCodes.Status400BadRequest, "INVALID_CONTEXT", details);

    public static OfrepFault FlagNotFound(string key) => new(
        StatusCodes.Status404NotFound, "FLAG_NOT_FOUND", $"There is no active placement {ErrorText.Quote(key)}.");
}

/// <summary>Answers what is wrong with a request in OFREP's shape; everything else is a problem as elsewhere.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class OfrepErrorsAttribute : ExceptionFilterAttribute
{
    // Those that are not the context's are the body's.
    private const string ParseError = "PARSE_ERROR";

    // A flag's key.
    private const string Before = "/evaluate/flags/";

    public override void OnException(ExceptionContext context)
    {
        var fault = context.Exception switch
        {
            OfrepFault own => own,
            ApiProblem { Status: StatusCodes.Status400BadRequest } problem =>
                new OfrepFault(problem.Status, ParseError, Describe(problem, place => place.TrimStart('/'))),
            _ => null,
        };
        if (fault is not null)
        {
            var error = new OfrepError(fault.Code, fault.Message)
            {
                Key = context.RouteData.Values.ContainsKey("key") ? ReadKey(context.HttpContext) : null,
            };
            context.Result = new ObjectResult(error) { StatusCode = fault.Status };
        }
    }

    /// <summary>The key in the path as it came: routing leaves slashes encoded, and can't be told from what was encoded twice. A server
    /// without a socket has the path alone.</summary>
    public static string ReadKey(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var path = (target is { Length: > 0 } ? target : context.Request.GetEncodedPathAndQuery()).Split('?')[0];
        return Uri.UnescapeDataString(path[(path.IndexOf(Before, StringComparison.OrdinalIgnoreCase) + Before.Length)..]);
    }

    /// <summary>The faults of a problem in one text.</summary>
    /// <param name="name">Names the place of a fault.</param>
    public static string Describe(ApiProblem problem, Func<string, string> name) =>
        string.Join(' ', FaultList.Cut(problem.Errors!, out _)
            .SelectMany(e => e.Value.Select(text => name(e.Key) is { Length: > 0 } place ? $"{place}: {text}" : text)).Distinct());
}
