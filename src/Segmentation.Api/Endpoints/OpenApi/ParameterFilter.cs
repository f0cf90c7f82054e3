using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Describes parameters by their names, where their controllers do not, and gives examples of them.</summary>
internal sealed class ParameterFilter : IDocumentFilter
{
    private static readonly Dictionary<string, string> Descriptions = new()
    {
        ["key"] = "The segment's key.",
        ["id"] = "The customer's id.",
        ["customerId"] = "The customer's id.",
        ["messageId"] = "The message's id, the header webhook-id.",
        ["name"] = "The attribute's name.",
        ["version"] = "The version's number.",
        ["limit"] = $"How many a page holds: 1 to {Paging.MaxLimit}; {Paging.DefaultLimit} when left out.",
        ["cursor"] = "The page before's nextCursor; left out for the first page.",
        ["asOf"] = "The instant to look at, with its offset; now when left out. The clock, events and what follows from them are those of "
            + "that instant; profiles, attributes, consents, manual members and the total are as they stand now; the consents that a "
            + "segment requires are those that stood then.",
    };

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        foreach (var (_, _, operation) in swaggerDoc.Operations())
        {
            foreach (var parameter in (operation.Parameters ?? []).Cast<OpenApiParameter>())
            {
                // The binder takes a blank, which an id was once, for none: the controller requires it.
                parameter.Required |= operation.OperationId == "Customers_Erase" && parameter.Name == "id";
                parameter.Description ??= Describe(operation.OperationId!, parameter.Name!);
                if (SwaggerExamples.Parameter(operation.OperationId!, parameter.Name!) is { } example)
                {
                    AddExample(parameter, example);
                }
            }

            if (operation.OperationId is "Segments_AddMember" or "Segments_RemoveMember" or "Segments_ChangeMembers")
            {
                var hint = $"For manual segments, such as the sample's `{SwaggerExamples.Manual}`.";
                operation.Description = $"{operation.Description} {hint}".Trim();
            }
        }
    }

    private static string? Describe(string operation, string name) => (operation.Split('_')[0], name) switch
    {
        ("Analyses", "id") => "The analysis's id.",
        ("Metrics", "key") => "The metric's key.",
        ("Experiments", "key") => "The experiment's key.",
        ("Ofrep", "key") => "The placement's key.",
        ("Placements", "key") => "The placement's key.",
        ("Playbooks", "key") => "The playbook's key.",
        ("Webhooks", "id") => "The webhook's id.",
        ("ApiKeys", "id") => "The API key's id.",
        _ => Descriptions.GetValueOrDefault(name),
    };

    private static void AddExample(OpenApiParameter parameter, JsonNode example)
    {
        if (parameter.Required || parameter.Name == "limit")
        {
            parameter.Example = example;
        }
        else
        {
            // In words: Swagger UI fills an example in, and an optional parameter is to stay empty until it is wanted.
            parameter.Description = $"{parameter.Description} For example `{example}`.";
        }
    }
}
