using Microsoft.OpenApi;

namespace Segmentation.Api.Http;

/// <summary>The OpenAPI document and Swagger UI.</summary>
internal static class Swagger
{
    public static void AddSwagger(this IServiceCollection services) => services.AddSwaggerGen(o =>
    {
        o.SwaggerDoc("v1", new OpenApiInfo { Title = "Segmentation", Version = "v1", Description = "Which customers belong together, and who is among them right now." });
        foreach (var xml in Directory.EnumerateFiles(AppContext.BaseDirectory, "Segmentation.*.xml"))
        {
            o.IncludeXmlComments(xml);
        }
    });

    public static void UseSegmentationSwagger(this WebApplication app)
    {
        app.UseSwagger();
        app.UseSwaggerUI();
    }
}
