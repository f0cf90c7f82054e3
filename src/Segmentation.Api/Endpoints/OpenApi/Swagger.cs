using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.OpenApi;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerUI;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// The OpenAPI document and Swagger UI. What follows from a rule rather than from a controller is added by the filters, in their order.
/// </summary>
internal static class Swagger
{
    /// <summary>The setting that has them outside Development too.</summary>
    public const string EnabledSetting = "Swagger:Enabled";

    private const string Tour =
        "Which customers belong together, and who is among them right now.\n\n"
        + "**Five minutes with the sample** (`./run --sample`). Every operation below is filled in: open it and press "
        + "*Execute*.\n\n"
        + "1. **Fields**, `GET /fields`: what a rule may ask of a customer, and with which operators.\n"
        + "2. **Rules**, `POST /segments/preview`: pick an example, two for each kind of rule; see how many customers "
        + "match, and some of them. `validate` says the rule in plain English, `compile` shows the SQL and its plan. "
        + "[Rules by example](/rules-by-example) shows what can be asked.\n"
        + "3. **Segments**, `POST /segments`: save it under a key of your own.\n"
        + "4. **Membership**: `members` lists who is in it, `count` how many; `explain` says why a customer is in, or not. "
        + "With `asOf` they answer for another time.\n"
        + "5. **Events**, `POST /events`: send what a customer did, and ask again: within a second every segment has it, "
        + "and `GET /customers/{id}/segments` at once. `changes` says who joined and left, when and why; `stream` and "
        + "webhooks tell of it.\n\n"
        + "Lists are `{\"items\", \"nextCursor\"}`: send `nextCursor` as `cursor` for the next page. Instants are UTC.\n\n"
        + "**Errors** all have one form, problem details (RFC 9457, `application/problem+json`): `title` says what is wrong and what to "
        + "do about it, `status` repeats the status. A 400 has `errors` besides, which names what is wrong, all of a rule's faults at "
        + "once, by JSON Pointer into the body (`/rule/rules/0/value`) or by the parameter's name. `requestId` is in the service's "
        + "log, too. After a 503, wait as long as `Retry-After` says.\n\n"
        + "**Access**: on this machine, and while there is no API key and no identity provider, nobody needs anything. Else press "
        + "*Authorize* and give a key or a token; every operation says which scope it needs. Without one the answer is a 401, with "
        + "others a 403.\n\n"
        + "Customers and segments carry an `ETag`; send it as `If-Match`, and a write that would undo another's gets a "
        + "412.";

    // Errors look alike everywhere: a line each.
    private const string Style =
        "tr.response:is([data-code^='4'], [data-code^='5']) :is(.response-controls, .model-example) { display: none }";

    // What makes its logo white is a style within that. Another version may have another: browsers' consoles then say which.
    private const string LogoHash = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='";

    // Its icons are in its style sheet.
    private static readonly string ContentPolicy =
        $"default-src 'self'; img-src 'self' data:; style-src 'self' {AnswerHeaders.Hash(Style)} {LogoHash}; base-uri 'none'; "
        + "frame-ancestors 'none'";

    public static void AddSwagger(this IServiceCollection services) => services.AddEndpointsApiExplorer().AddSwaggerGen(o =>
    {
        o.SwaggerDoc("v1", new OpenApiInfo { Title = "Segmentation", Version = "v1", Description = Tour });
        foreach (var xml in Directory.EnumerateFiles(AppContext.BaseDirectory, "Segmentation.*.xml"))
        {
            o.IncludeXmlComments(xml);
        }

        o.AddServer(new OpenApiServer { Url = "/" });
        o.UseAllOfToExtendReferenceSchemas();
        o.CustomSchemaIds(NameSchema);
        o.CustomOperationIds(NameOperation);
        o.MapType<Instant>(() => new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time" });
        o.MapType<decimal>(() => new OpenApiSchema { Type = JsonSchemaType.Number, Format = "decimal" });
        o.MapType<JsonElement>(() => new OpenApiSchema());
        o.MapType<JsonObject>(() => new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalProperties = new OpenApiSchema() });
        o.OperationFilter<RetryFilter>();
        o.OperationFilter<RecordsFilter>();
        o.DocumentFilter<CommentFilter>();
        o.DocumentFilter<TagFilter>();
        o.DocumentFilter<ScopeFilter>();
        o.DocumentFilter<ResourceFilter>();
        o.DocumentFilter<LetterFilter>();
        o.DocumentFilter<RuleFilter>();
        o.DocumentFilter<AnalysisFilter>();
        o.DocumentFilter<ProblemFilter>();
        o.DocumentFilter<BodyFilter>();
        o.DocumentFilter<ETagFilter>();
        o.DocumentFilter<ResponseFilter>();
        o.DocumentFilter<ParameterFilter>();
        o.DocumentFilter<AnswerFilter>();
    });

    /// <summary>Whether they are there: in Development, and where the setting says so.</summary>
    public static bool HasSwagger(this WebApplication app) =>
        app.Environment.IsDevelopment() || app.Configuration.GetValue(EnabledSetting, false);

    public static void UseSegmentationSwagger(this WebApplication app)
    {
        if (!app.HasSwagger())
        {
            return;
        }

        app.Use((context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/swagger"))
            {
                context.Response.Headers.ContentSecurityPolicy = ContentPolicy;
            }

            return next(context);
        });
        app.UseSwagger();
        app.UseSwagger(o =>
        {
            o.RouteTemplate = "swagger/{documentName}/openapi-3.1.json";
            o.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            o.PreSerializeFilters.Add((document, _) => ResourceFilter.RemoveNullable(document));
        });
        app.UseSwaggerUI(o =>
        {
            o.DocumentTitle = "Segmentation";
            o.SwaggerEndpoint("v1/swagger.json", "Segmentation v1");
            o.EnableDeepLinking();
            o.DocExpansion(DocExpansion.List);
            o.EnableTryItOutByDefault();
            o.DisplayRequestDuration();
            o.DefaultModelsExpandDepth(0);
            o.DefaultModelExpandDepth(2);
            o.DefaultModelRendering(ModelRendering.Example);
            o.EnableFilter();
            o.EnablePersistAuthorization();

            o.HeadContent = $"<style>{Style}</style>";
        });
    }

    private static string? NameOperation(ApiDescription description) => description.ActionDescriptor is ControllerActionDescriptor action
        ? $"{NameArea(description.RelativePath!)}_{action.ActionName}"
        : description.ActionDescriptor.EndpointMetadata.OfType<IEndpointNameMetadata>().FirstOrDefault()?.EndpointName;

    // What it is about, by its address: api/v1/segments/{key}/members is of Segments; what is not of this API is of its protocol.
    private static string NameArea(string path)
    {
        var parts = path.Split('/');
        var words = (parts[0] == "api" ? parts[2] : parts[0]).Split('-');
        return string.Concat(words.Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
    }

    // The word for the thing, not for the class that carries it: Customer, CustomerPage.
    public static string NameSchema(Type type)
    {
        var name = type.Name.Split('`')[0];
        name = name.EndsWith("Resource", StringComparison.Ordinal) ? name[..^"Resource".Length] : name;
        return type.IsGenericType ? string.Concat(type.GetGenericArguments().Select(NameSchema)) + name : name;
    }
}
