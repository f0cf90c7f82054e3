using System.Text;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Idempotency;

/// <summary>
/// Answers a request that was answered before as it was then; else has its record written with its effect, in one transaction that neither
/// waits for the request to come nor for the answer to be read.
/// </summary>
internal sealed class IdempotencyFilter(IdempotentAttribute marked, IdempotencyStore store, SegmentationDb db, SecretBox box)
    : IAsyncResourceFilter, IAsyncActionFilter
{
    private const string Purpose = "answer";
    private IdempotentRequest? request;

    /// <exception cref="ApiProblem">400: the request has an idempotency key.</exception>
    public static void RefuseLines(HttpRequest request)
    {
        if (request.Headers.ContainsKey(IdempotentRequest.Header))
        {
            throw ApiProblem.Invalid(
                IdempotentRequest.Header, "Leave it out: lines are upserts already, and can be sent again as they are.");
        }
    }

    public async Task OnResourceExecutionAsync(ResourceExecutingContext context, ResourceExecutionDelegate next)
    {
        var http = context.HttpContext;
        if (http.Request.MediaType() == MediaTypes.Ndjson)
        {
            RefuseLines(http.Request);
        }
        else if (http.Request.Headers.ContainsKey(IdempotentRequest.Header))
        {
            request = await IdempotentRequest.ReadAsync(http, http.RequestAborted);
        }

        await next();
    }

    public async Task OnActionExecutionAsync(ActionExecutingContext context, ActionExecutionDelegate next)
    {
        if (request is null)
        {
            await next();
            return;
        }

        // Once it has begun to write, it is finished even if nobody waits for it any more.
        var cancellation = context.HttpContext.RequestAborted;
        if (await store.FindAsync(request, cancellation) is { } before)
        {
            context.Result = Replay(before);
            return;
        }

        await using var transaction = new OuterTransaction(db, c => store.ClaimAsync(request, c));
        var done = await next();
        try
        {
            if (done.Exception is AnsweredException raced)
            {
                throw raced;
            }

            if (await AnswerAsync(done) is { } answer)
            {
                await transaction.BeginAsync(cancellation);
                await store.CompleteAsync(CreateRecord(answer), cancellation);
                await transaction.CommitAsync(cancellation);
                done.ExceptionHandled = true;
                done.Result = answer;
            }
        }
        catch (AnsweredException raced)
        {
            done.ExceptionHandled = true;
            done.Result = Replay(raced.Record);
        }
    }

    // The answer to what was done, or can't be: written to memory, with the headers that it has. Null where it is not kept.
    private static async Task<KeptAnswer?> AnswerAsync(ActionExecutedContext done)
    {
        var http = done.HttpContext;
        if (done.Exception is ApiProblem { Status: StatusCodes.Status409Conflict, Type: null } problem)
        {
            return await KeptAnswer.WriteAsync(http, () => ApiExceptionHandler.WriteAsync(http, problem, http.RequestAborted));
        }

        if (done.Exception is not null || done.Result is not { } result)
        {
            return null;
        }

        if (result is ObjectResult { ContentTypes.Count: 0 } json)
        {
            json.ContentTypes.Add(MediaTypes.Json);
        }

        var answer = await KeptAnswer.WriteAsync(http, () => result.ExecuteResultAsync(done));
        return answer.Status is >= 200 and < 300
            ? answer
            : throw new InvalidOperationException("Faults have to be thrown, so that what was written is undone.");
    }

    private IdempotencyRecord CreateRecord(KeptAnswer answer)
    {
        var isSecret = marked.ShowsSecret && answer.Status < 300;
        return new IdempotencyRecord
        {
            ScopeHash = request!.ScopeHash,
            Fingerprint = request.Fingerprint,
            Status = (short)answer.Status,
            Location = answer.Location,
            EntityTag = answer.EntityTag,
            MediaType = answer.MediaType,
            IsSecret = isSecret,
            Body = !isSecret ? answer.Body
                : box.HasKey ? Encoding.UTF8.GetBytes(box.Seal(Encoding.UTF8.GetString(answer.Body), Purpose))
                : null,
            Mentions = [.. request.Mentions.Union(Mentions.In(answer.Body)).Union(Mentions.InAddress(answer.Location))],
        };
    }

    private KeptAnswer Replay(IdempotencyRecord record)
    {
        if (!record.Fingerprint.AsSpan().SequenceEqual(request!.Fingerprint))
        {
            throw new ApiProblem(
                StatusCodes.Status409Conflict, $"Another request was sent with this {IdempotentRequest.Header}. Take a new one for each.")
            {
                Type = ApiProblem.Kind("idempotency-key-reused"),
            };
        }

        var body = record.Body;
        if (record.IsSecret)
        {
            var text = body is null ? null : Encoding.UTF8.GetString(body);
            body = text is not null && box.FindMissingKey(text) is null
                ? Encoding.UTF8.GetBytes(box.Open(text, Purpose))
                : throw ApiProblem.Conflict("It was made, and its secret was shown once" + (record.Location is { } at ? $": {at}" : "."));
        }

        return new KeptAnswer(record.Status!.Value, record.Location, record.EntityTag, record.MediaType, body ?? [], IsReplay: true);
    }
}
