using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.OpenApi;
using Segmentation.Api.Access;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Says of each operation which scope it needs, and how to say who calls.</summary>
internal sealed class ScopeFilter : IDocumentFilter
{
    private const string ApiKey = "ApiKey";
    private const string Token = "Token";

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        AddScheme(swaggerDoc, ApiKey, "An API key (`seg_…`): `POST /api-keys` and `./run --create-key NAME --scopes LIST` make one.", null);
        AddScheme(swaggerDoc, Token, "A JWT of your identity provider, where the setting `Access:Jwt` names one.", "JWT");
        var needed = context.ApiDescriptions.ToDictionary(d => (d.HttpMethod!.ToUpperInvariant(), "/" + d.RelativePath), Find);
        foreach (var (path, method, operation) in swaggerDoc.Operations())
        {
            if (needed[(method.Method, path)] is { } scope)
            {
                Describe(swaggerDoc, operation, scope);
            }
        }
    }

    private static RequiresScopeAttribute? Find(ApiDescription description) =>
        description.ActionDescriptor.EndpointMetadata.OfType<RequiresScopeAttribute>().SingleOrDefault();

    private static void AddScheme(OpenApiDocument document, string name, string about, string? format) =>
        document.AddComponent(name, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            BearerFormat = format,
            Description = about,
        });

    private static void Describe(OpenApiDocument document, OpenApiOperation operation, RequiresScopeAttribute needed)
    {
        string[] scopes = needed.Or is null ? [needed.Scope] : [needed.Scope, needed.Or];
        operation.Security =
        [
            .. scopes.SelectMany(s => new[] { Require(ApiKey, s), Require(Token, s) }),
            .. needed.Self is null ? [] : new[] { Require(Token, Scopes.Self) },
        ];
        var self = needed.Self is null ? "" : $"; or `{Scopes.Self}`, of the customer itself";
        operation.Description = $"{operation.Description} Scope: {string.Join(" or ", scopes.Select(s => $"`{s}`"))}{self}.".TrimStart();
        operation.Responses!.TryAdd("401", new OpenApiResponse());
        operation.Responses.TryAdd("403", new OpenApiResponse());

        OpenApiSecurityRequirement Require(string scheme, string scope) =>
            new() { [new OpenApiSecuritySchemeReference(scheme, document)] = [scope] };
    }
}
