using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Access;
using Segmentation.Api.Analyses;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>What a request's caller must not see; who may see it leaves an entry in the audit log, one a request.</summary>
public sealed class SensitiveReads(SegmentQuery query, AuditLog log, CustomerMarks marks, IHttpContextAccessor requests)
{
    private HttpContext Context => requests.HttpContext!;

    /// <summary>What the caller must not see.</summary>
    public async Task<SensitiveFields> FindHiddenAsync(CancellationToken cancellation) =>
        (await query.DefinitionsAsync(cancellation)).Sensitive.For(Context.Caller);

    /// <summary>Whether an answer shows what others must not see.</summary>
    public bool Shows(SensitiveFields all) => !all.IsEmpty && all.For(Context.Caller).IsEmpty && !Context.IsHead();

    /// <summary>What the caller must not see of several customers, or of a field.</summary>
    /// <param name="all">Every field that is sensitive.</param>
    /// <param name="resource">Where they are read, as the audit log names it.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<SensitiveFields> ReadAsync(SensitiveFields all, string resource, CancellationToken cancellation)
    {
        if (Shows(all))
        {
            await log.AppendAsync("sensitive.read", resource, cancellation: cancellation);
        }

        return all.For(Context.Caller);
    }

    /// <summary>Refuses to make an earlier definition the present one for a caller who could not send it.</summary>
    /// <exception cref="ApiProblem">403.</exception>
    public async Task CheckRestoredAsync(JsonElement definition, CancellationToken cancellation) =>
        SensitiveFields.Refuse((await FindHiddenAsync(cancellation)).FindNames(definition).Any() ? ["version"] : []);

    /// <summary>An analysis without its result, where that tells of what the caller must not see: it is from before the field was
    /// sensitive, or of a model that reads it.</summary>
    public async Task<AnalysisResource> HideAsync(AnalysisResource analysis, CancellationToken cancellation) =>
        Hide(analysis, await FindHiddenAsync(cancellation));

    /// <inheritdoc cref="HideAsync(AnalysisResource, CancellationToken)"/>
    public static AnalysisResource Hide(AnalysisResource analysis, SensitiveFields hidden)
    {
        var told = analysis.Warnings.Select(w => w.Text).Append(analysis.Result?.GetRawText() ?? "");
        return hidden.IsEmpty || !told.Any(hidden.AreNamedIn) ? analysis : analysis with { Result = SensitiveFields.Masked, Warnings = [] };
    }

    /// <summary>A model without what was learned, where that tells of what the caller must not see.</summary>
    public static ModelResource Hide(ModelResource model, SensitiveFields hidden) =>
        !AreRead(model.Settings, hidden) && !AreLearned(model.Parameters, hidden) ? model : model with
        {
            Parameters = SensitiveFields.Masked,
            Report = SensitiveFields.Masked,
            Warnings = [],
        };

    /// <summary>A version of a model without what was learned, where that tells of what the caller must not see.</summary>
    public static ModelVersionResource Hide(ModelVersionResource version, SensitiveFields hidden) =>
        !AreRead(version.Settings, hidden) && !AreLearned(version.Parameters, hidden) ? version : version with
        {
            Parameters = SensitiveFields.Masked,
            Report = SensitiveFields.Masked,
            Warnings = [],
        };

    /// <summary>Whether a model reads what is sensitive.</summary>
    public static bool AreRead(ModelSettings settings, SensitiveFields hidden) => (settings.Features ?? []).Any(hidden.Includes);

    // The values of texts that are features; of the profile's own it has the short names.
    private static bool AreLearned(JsonElement? parameters, SensitiveFields hidden) =>
        !hidden.IsEmpty && parameters is { ValueKind: JsonValueKind.Object } known
        && known.TryGetProperty("features", out var features) && features.TryGetProperty("texts", out var texts)
        && texts.EnumerateObject().Any(t => t.Value.GetArrayLength() > 0
            && new[] { t.Name, $"geographic.{t.Name}", $"demographic.{t.Name}" }.Any(hidden.Includes));

    /// <summary>What an entry of an export has of it.</summary>
    public JsonNode? Tell(SensitiveFields all) => Shows(all) ? new JsonObject { ["sensitive"] = true } : null;

    /// <summary>What the caller must not see of one customer.</summary>
    public async Task<SensitiveFields> ReadOneAsync(SensitiveFields all, string customer, CancellationToken cancellation) =>
        await ReadAsync(all, Shows(all) ? await marks.NameAsync(customer, cancellation) : "", cancellation);
}
