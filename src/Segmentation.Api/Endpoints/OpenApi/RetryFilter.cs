using Microsoft.OpenApi;
using Segmentation.Api.Idempotency;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Describes <c>Idempotency-Key</c>, where it is honored.</summary>
internal sealed class RetryFilter : IOperationFilter
{
    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        if (!context.MethodInfo.IsDefined(typeof(IdempotentAttribute), inherit: false))
        {
            return;
        }

        operation.Responses!.TryAdd("409", new OpenApiResponse());
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = IdempotentRequest.Header,
            In = ParameterLocation.Header,
            Description = "A text of your own, new for each request: where the answer was lost, the same request with the same key is not "
                + "done again, but answered as it was, with `Idempotency-Replayed: true`, for 24 hours. Another request with it is a 409.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = IdempotentRequest.KeyMaxLength },
        });
    }
}
