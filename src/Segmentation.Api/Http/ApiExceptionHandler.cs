using System.Globalization;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Segmentation.Api.Http;

/// <summary>
/// Answers exceptions. What is no fault of ours gets its own status; the rest is a 500 that says nothing, and a log line.
/// </summary>
internal sealed class ApiExceptionHandler(ILogger<ApiExceptionHandler> logger) : IExceptionHandler
{
    // How Npgsql says it; it has no type of its own for it.
    private const string PoolIsEmpty = "The connection pool has been exhausted";

    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (context.RequestAborted.IsCancellationRequested && exception is OperationCanceledException)
        {
            // Nobody is there to read an answer. 499 is nginx's name for it; it is for the log only.
            context.Response.StatusCode = 499;
            return true;
        }

        var problem = exception as ApiProblem ?? FromException(exception);
        if (problem is null)
        {
            logger.LogError(exception, "Request failed");
            problem = new ApiProblem(StatusCodes.Status500InternalServerError, "The service failed. The failure is in its log.");
        }

        if (problem is { Status: StatusCodes.Status503ServiceUnavailable, RetryAfter: not ApiProblem.Soon })
        {
            logger.LogError(exception, "Database unavailable");
        }

        await WriteAsync(context, problem, cancellationToken);
        return true;
    }

    public static async Task WriteAsync(HttpContext context, ApiProblem problem, CancellationToken cancellationToken)
    {
        context.Response.StatusCode = problem.Status;
        if (problem.Challenge is not null)
        {
            context.Response.Headers.WWWAuthenticate = problem.Challenge;
        }

        if ((problem.RetryAfter ?? DefaultRetryAfter(problem.Status)) is { } seconds)
        {
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        var details = ToDetails(problem, context.TraceIdentifier);
        await context.Response.WriteAsJsonAsync(details, details.GetType(), Json.Options, MediaTypes.Problem, cancellationToken);
    }

    private static int? DefaultRetryAfter(int status) =>
        status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests ? 5 : null;

    public static ProblemDetails ToDetails(ApiProblem problem, string requestId)
    {
        // A 400 says what is wrong where, also where that is all of the request.
        var isTruncated = false;
        var errors = problem.Errors ?? (problem.Status == StatusCodes.Status400BadRequest
            ? new Dictionary<string, string[]> { [""] = [problem.Message] }
            : null);
        var details = errors is null ? new ProblemDetails() : new ValidationProblemDetails(FaultList.Cut(errors, out isTruncated));
        (details.Status, details.Title, details.Type) =
            (problem.Status, problem.Message, problem.Type ?? $"https://www.rfc-editor.org/rfc/rfc9110#status.{problem.Status}");
        details.Extensions["requestId"] = requestId;
        if (isTruncated)
        {
            details.Extensions["truncated"] = true;
        }

        return details;
    }

    private static ApiProblem? FromException(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case ApiProblem problem:
                    return problem;
                case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                    return new ApiProblem(StatusCodes.Status413PayloadTooLarge, "The body is too large.");
                case BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout }:
                    return new ApiProblem(
                        StatusCodes.Status408RequestTimeout, "The body came too slowly: see Limits:BytesPerSecond and LineBytesPerSecond.");
                case BadHttpRequestException bad:
                    return new ApiProblem(bad.StatusCode, "The request is malformed.");
                case DbUpdateConcurrencyException:
                    return ApiProblem.Stale();
                case NpgsqlException { InnerException: TimeoutException } when e.Message.StartsWith(PoolIsEmpty, StringComparison.Ordinal):
                    return ApiProblem.Busy("no connection of the database is free");
                case PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable }:
                    return ApiProblem.Busy("what this needs is locked by something else that goes on for long");
                case PostgresException { SqlState: PostgresErrorCodes.QueryCanceled }
                    or NpgsqlException { InnerException: TimeoutException } or TimeoutException:
                    return new ApiProblem(
                        StatusCodes.Status504GatewayTimeout,
                        "The statement took too long and was stopped. Send a narrower query, or raise Limits:CLASS:StatementSeconds.");
                case PostgresException { IsTransient: true } or PostgresException { SqlState: ['5', '7', 'P', ..] or ['0', '8', ..] }:
                case PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName }:
                case NpgsqlException and not PostgresException:
                case System.Net.Sockets.SocketException:
                    return new ApiProblem(StatusCodes.Status503ServiceUnavailable, "The database is not available. Try again soon.");
            }
        }

        return null;
    }

    /// <summary>Writes the problem that a status without a body stands for.</summary>
    public static Task WriteStatusAsync(HttpContext context) =>
        WriteAsync(context, new ApiProblem(context.Response.StatusCode, Reason(context)), context.RequestAborted);

    private static string Reason(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => "There is nothing at this address.",
        StatusCodes.Status405MethodNotAllowed when context.Response.Headers.Allow.ToString() is { Length: > 0 } allowed =>
            $"This address does not support that method; it takes {allowed}.",
        StatusCodes.Status405MethodNotAllowed => "This address does not support that method.",
        StatusCodes.Status406NotAcceptable => "None of the media types in Accept can be given.",
        StatusCodes.Status415UnsupportedMediaType => HttpMethods.IsPatch(context.Request.Method)
            ? $"The body must be JSON in UTF-8: send Content-Type: {MediaTypes.MergePatch} (or {MediaTypes.Json})."
            : $"The body must be JSON in UTF-8: send Content-Type: {MediaTypes.Json}.",
        StatusCodes.Status413PayloadTooLarge => "The body is too large.",
        _ => "The request could not be answered.",
    };
}
