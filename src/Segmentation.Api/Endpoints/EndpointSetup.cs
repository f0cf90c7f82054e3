using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints;

internal static class EndpointSetup
{
    private const string Live = "/health/live";
    private const string Ready = "/health/ready";

    /// <summary>Controllers, and the OpenAPI document that says what they take and answer.</summary>
    public static void AddEndpoints(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddControllers(o =>
        {
            o.InputFormatters.Clear();
            o.InputFormatters.Add(new JsonBodyFormatter());
            o.Filters.Add<QueryParameterFilter>();
            o.Filters.Add<AcceptFilter>();
            o.Filters.Add<UnreadBodyFilter>();
            o.Filters.Add<AsOfFilter>();
            o.Filters.Add<ETags.Filter>();
            o.Filters.Add<SensitiveFilter>();

            // No route takes a form's fields; reading one for them would use the body up.
            o.ValueProviderFactories.RemoveType<FormValueProviderFactory>();
            o.ValueProviderFactories.RemoveType<JQueryFormValueProviderFactory>();
            o.ValueProviderFactories.RemoveType<FormFileValueProviderFactory>();
            o.SuppressAsyncSuffixInActionNames = false;
        }).AddJsonOptions(o =>
        {
            o.JsonSerializerOptions.Converters.Add(new CustomerJson());
            Json.Configure(o.JsonSerializerOptions);
        });
        services.Configure<ApiBehaviorOptions>(o =>
        {
            o.InvalidModelStateResponseFactory = context => throw ModelProblem(context);
            o.SuppressMapClientErrors = true; // Written with the rest, as application/problem+json whatever the action produces.
        });
        services.AddSingleton(configuration.GetSection(OfrepOptions.Section).Get<OfrepOptions>() ?? new OfrepOptions());
        services.AddScoped<AnalysisAsking>();
        services.AddScoped<SensitiveReads>();
        services.AddSingleton<RulesByExample>();
        services.AddSingleton<Readiness>();
        services.AddSwagger();
    }

    /// <summary>Maps the controllers, Swagger UI, and the addresses that tell whether the service runs.</summary>
    public static void MapEndpoints(this WebApplication app)
    {
        app.MapControllers();
        if (app.HasSwagger())
        {
            MapPages(app);
        }

        app.MapGet(Live, () => Results.Ok(new Health("ok")))
            .Produces<Health>().WithName("Service_Live").WithTags("Service").WithSummary("Whether the service runs.").AllowAnonymous();
        app.MapGet(Ready, ReadyAsync)
            .Produces<Health>().WithName("Service_Ready").WithTags("Service")
            .WithSummary("Whether it can answer: the database is there, and migrated.").AllowAnonymous();
    }

    private static void MapPages(WebApplication app)
    {
        app.MapGet("/", () => Results.Redirect("/swagger")).ExcludeFromDescription().AllowAnonymous();
        app.MapGet(RulesByExample.Address, (HttpResponse response, RulesByExample page) =>
        {
            response.Headers.ContentSecurityPolicy = RulesByExample.ContentPolicy;
            return Results.Content(page.WriteHtml(), "text/html; charset=utf-8");
        }).ExcludeFromDescription().AllowAnonymous();
    }

    private static async Task<IResult> ReadyAsync(
        HttpContext context, Readiness readiness, SchemaState schema, CancellationToken cancellation) =>
        await readiness.FindFaultAsync(cancellation) is { } fault
            ? throw new ApiProblem(
                StatusCodes.Status503ServiceUnavailable,
                context.Caller.Has(Scopes.Admin) || !schema.WasRight ? fault : "The service is not ready.")
            : Results.Ok(new Health("ok"));

    /// <summary>While the database has not the tables of this version, every answer says that in place of a failure.</summary>
    public static void UseSchemaCheck(this WebApplication app) => app.Use(async (context, next) =>
    {
        var services = context.RequestServices;
        var schema = services.GetRequiredService<SchemaState>();
        if (!schema.WasRight
            && context.Request.Path != Live
            && context.Request.Path != Ready
            && await schema.FindFaultAsync(services.GetRequiredService<SegmentationDb>(), context.RequestAborted) is { } fault)
        {
            // Not thrown: the log has said it once.
            context.Response.Headers.RetryAfter = "5";
            await ApiExceptionHandler.WriteAsync(
                context, new ApiProblem(StatusCodes.Status503ServiceUnavailable, fault), context.RequestAborted);
            return;
        }

        await next(context);
    });

    // The path's and query's faults; the body's are thrown where they are read.
    private static ApiProblem ModelProblem(ActionContext context)
    {
        var parameters = context.ActionDescriptor.Parameters.ToDictionary(p => p.Name, p => p.ParameterType);
        var body = context.ActionDescriptor.Parameters.FirstOrDefault(p => p.BindingInfo?.BindingSource == BindingSource.Body)?.Name;
        var faulty = context.ModelState.Where(m => m.Value is { Errors.Count: > 0 }).Select(m => m.Key == body ? "" : m.Key);
        return ApiProblem.Invalid(faulty.Select(name => new RuleError(name, name switch
        {
            "" => "A JSON body is needed.",
            "limit" => Paging.LimitRule,
            _ => $"{name} {Requirement(parameters.GetValueOrDefault(name))}.",
        })));
    }

    private static string Requirement(Type? type) => (type is null ? null : Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(Instant) => $"must be {Instant.Description}",
        var t when t == typeof(bool) => "must be true or false",
        var t when t == typeof(int) || t == typeof(long) => "must be an integer",
        { IsEnum: true } t => $"must be one of {string.Join(", ", Enum.GetNames(t).Select(JsonNamingPolicy.CamelCase.ConvertName))}",
        _ => "does not take this value",
    };

    /// <summary>That all is well.</summary>
    /// <param name="Status">Always <c>ok</c>; what is not well is a problem.</param>
    public sealed record Health(string Status);
}
