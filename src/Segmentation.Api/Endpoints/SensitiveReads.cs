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

    /// <summary>Counts whom a predicate matches, with some of them where the caller may read customers.</summary>
    /// <param name="size">How many at most.</param>
    /// <param name="rule">What the caller asks about them, so that the count alone may tell a value.</param>
    public async Task<(SegmentCount Count, IReadOnlyList<CustomerResource>? Sample)> ReadSampleAsync(
        MemberPredicate predicate, int size, JsonElement? rule, CancellationToken cancellation)
    {
        var shows = Context.Caller.Has(Scopes.CustomersRead);
        var (count, sample) = await query.PreviewAsync(predicate, shows ? size : 0, cancellation);
        var all = await query.DefinitionsAsync(cancellation);
        var hidden = sample.Count > 0 || all.ReadsSensitive(rule)
            ? await ReadAsync(all.Sensitive, "customers", cancellation)
            : SensitiveFields.None;
        return (count, shows ? [.. sample.Select(c => CustomerResource.From(c, count.EvaluatedAt, all.Rfm.Latest, hidden))] : null);
    }

    /// <summary>Refuses to make an earlier definition the present one for a caller who could not send it.</summary>
    /// <exception cref="ApiProblem">403.</exception>
    public async Task CheckRestoredAsync(JsonElement definition, CancellationToken cancellation) =>
        SensitiveFields.Refuse(
            (await FindHiddenAsync(cancellation)).FindNames(definition).Any() ? ["version"] : [],
            "This version names a sensitive field: restore another, or call with a key that has the scope privacy.");

    /// <summary>An analysis without its result, where that tells of what the caller must not see: it is from before the field was
    /// sensitive, or of a model that reads it.</summary>
    public async Task<AnalysisResource> HideAsync(AnalysisResource analysis, CancellationToken cancellation) =>
        Hide(analysis, await FindHiddenAsync(cancellation));

    /// <inheritdoc cref="HideAsync(AnalysisResource, CancellationToken)"/>
    public static AnalysisResource Hide(AnalysisResource analysis, SensitiveFields hidden)
    {
        if (hidden.IsEmpty)
        {
            return analysis;
        }

        // A fit has the short names of what it has learned of.
        var told = analysis.Warnings.Select(w => w.Text).Append(analysis.Result?.GetRawText() ?? "");
        var version = analysis.Type == FitAnalysis.TypeName ? analysis.Result?.Deserialize<ModelVersionResource>(Json.Options) : null;
        return told.Any(hidden.AreNamedIn) || (version is not null && IsOf(version, hidden))
            ? analysis with { Result = SensitiveFields.Masked, Warnings = [] }
            : analysis;
    }

    /// <summary>A model without what was learned, where that tells of what the caller must not see.</summary>
    public static ModelResource Hide(ModelResource model, SensitiveFields hidden) =>
        !hidden.Includes(PropensityName.Prefix + model.Key) ? model : model with
        {
            Parameters = SensitiveFields.Masked,
            Report = SensitiveFields.Masked,
            Live = SensitiveFields.Masked,
            Warnings = [],
        };

    /// <summary>A version of a model without what was learned, where that tells of what the caller must not see.</summary>
    public static ModelVersionResource Hide(ModelVersionResource version, SensitiveFields hidden) =>
        !IsOf(version, hidden) ? version : version with
        {
            Parameters = SensitiveFields.Masked,
            Report = SensitiveFields.Masked,
            Warnings = [],
        };

    private static bool IsOf(ModelVersionResource version, SensitiveFields hidden) =>
        !hidden.IsEmpty && hidden.AreAmong(PropensityParameters.ListFields(version.Settings, version.Parameters));

    /// <summary>What an entry of an export has of it.</summary>
    public JsonNode? Tell(SensitiveFields all) => Shows(all) ? new JsonObject { ["sensitive"] = true } : null;

    /// <summary>What the caller must not see of one customer.</summary>
    public async Task<SensitiveFields> ReadOneAsync(SensitiveFields all, string customer, CancellationToken cancellation) =>
        await ReadAsync(all, Shows(all) ? await marks.NameAsync(customer, cancellation) : "", cancellation);
}
