using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints;

/// <summary>The rule language, for editors and validators.</summary>
[ApiController]
[Route("api/v1/rules/schema")]
[Tags("Rules")]
[RequiresScope(Scopes.SegmentsRead)]
public sealed class RuleSchemaController(SegmentQuery query, RuleLimits limits) : ControllerBase
{
    internal const string MediaType = "application/schema+json";

    /// <summary>The rule language as a JSON Schema (2020-12): which field takes which operators and values.</summary>
    /// <remarks>With the attributes that are registered now. It is the strict form of <c>RuleNode</c>: whatever it takes can be saved, if
    /// the segments and the dates that it names exist and ranges have the lower value first.</remarks>
    [HttpGet]
    [Produces(MediaType)]
    [ProducesResponseType<JsonObject>(StatusCodes.Status200OK, MediaType)]
    public async Task<IActionResult> Schema(CancellationToken cancellation)
    {
        var catalog = (await query.DefinitionsAsync(cancellation)).Catalog(Backend.Sql, historical: false);
        return Content(new RuleJsonSchema(catalog, limits).Create().ToJsonString(Json.Options), MediaType);
    }
}
