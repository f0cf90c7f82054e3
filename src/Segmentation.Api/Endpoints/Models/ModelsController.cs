using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Analyses;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Models: what customers will do.</summary>
[ApiController]
[Route("api/v1/models")]
[Tags("Models")]
[Produces(MediaTypes.Json)]
public sealed class ModelsController(
    ModelStore models, ModelReader reader, ModelVersions versions, FitAsking fits, LifetimeValueFormulas formulas, AnalysisAsking asking,
    AuditLog log, SensitiveReads sensitive)
    : ControllerBase
{
    /// <summary>Lists all models, by key, with what is in force of each.</summary>
    /// <remarks>`lifetimeValue` is always there: how many orders to expect of a customer (MBG/NBD or BG/NBD), how much it will spend
    /// (gamma-gamma), and what it is worth within twelve months. So is `feedback`: whether a text is positive or negative, in any language,
    /// as your own rated texts have taught it. It sorts crowds, not single customers.</remarks>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public async Task<Page<ModelResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var after = Paging.TextCursor(cursor) ?? "";
        var all = await reader.ListAsync(cancellation);
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        return Paging.Create(
            [.. all.Where(m => string.CompareOrdinal(m.Key, after) > 0).Take(size + 1)], size, m => SensitiveReads.Hide(m, hidden),
            m => [m.Key]);
    }

    /// <summary>One model, with what is in force: its parameters, and how well they were found to tell what comes.</summary>
    [HttpGet("{key}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<ModelResource>(StatusCodes.Status200OK)]
    public async Task<ModelResource> Get(string key, CancellationToken cancellation) =>
        SensitiveReads.Hide(
            await reader.FindAsync(key, cancellation) ?? throw ApiProblem.NotFound("model"), await sensitive.FindHiddenAsync(cancellation));

    /// <summary>Changes the settings of a model, or defines one.</summary>
    /// <remarks>Takes effect with the next fit: what is in force stays as it was fitted. What is built in has settings too:
    /// `PUT /models/lifetimeValue` `{"margin":0.4,"discountRate":0.08}`.</remarks>
    [HttpPut("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ModelResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ModelResource>(StatusCodes.Status201Created)]
    public async Task<IActionResult> Put(string key, ModelSettings body, CancellationToken cancellation)
    {
        // Who can't name it does not take it away.
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        var before = await models.FindAsync(key, cancellation);
        SensitiveFields.Refuse(before is not null && hidden.AreAmong(before.Settings.ListFields()) ? ["/features"] : []);
        var (model, created) = await models.SaveAsync(key, body, Request.CheckIfMatch, cancellation);
        var answer = SensitiveReads.Hide(await reader.ReadAsync(model, cancellation), await sensitive.FindHiddenAsync(cancellation));
        return created ? Created($"/api/v1/models/{key}", answer) : Ok(answer);
    }

    /// <summary>Deletes a model, with all its versions. Repeatable.</summary>
    /// <remarks>One that is built in can't be deleted (409).</remarks>
    [HttpDelete("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string key, CancellationToken cancellation)
    {
        // Its scores stay until everybody is scored anew, and nothing would say what they are of.
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        SensitiveFields.Refuse(hidden.Includes(PropensityName.Prefix + key) ? [nameof(key)] : []);
        await versions.DeleteAsync(models, key, cancellation);
        return NoContent();
    }

    /// <summary>Fits a model now: an analysis `fit`.</summary>
    /// <remarks>201 where it has ended within `wait`, else 202: `GET` the `Location` until `status` is `succeeded` or `failed`. The new
    /// version is in force if it passes its back-test; else what was in force stays, and the analysis says why. As of a day in the past
    /// it is pinned: scores are of that day until the next fit.
    /// `feedback` needs 1,000 texts with a score, 200 of them positive and 200 negative, and an AUC of 0.75 on the newest fifth. In force,
    /// it tells the sentiment of new texts within seconds, and then that of all texts without a score that are there.</remarks>
    /// <param name="wait">Seconds to wait for its end, 0 to 60; 10 when left out.</param>
    [HttpPost("{key}/fit")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<AnalysisResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<AnalysisResource>(StatusCodes.Status202Accepted)]
    public async Task<IActionResult> Fit(string key, FitSettings body, int? wait, CancellationToken cancellation) =>
        await asking.AskAsync(await fits.CreateAsync(key, body, cancellation), wait, whole: false, cancellation);

    /// <summary>Lists what was fitted of a model, the newest first.</summary>
    [HttpGet("{key}/versions")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<Page<ModelVersionResource>>(StatusCodes.Status200OK)]
    public async Task<Page<ModelVersionResource>> Versions(string key, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, before) = (Paging.Limit(limit), (int?)Math.Clamp(Paging.NumberCursor(cursor) ?? int.MaxValue, 0, int.MaxValue));
        return await models.FindAsync(key, cancellation) is null
            ? throw ApiProblem.NotFound("model")
            : await HideAsync(await versions.ListAsync(key, size, before, cancellation), cancellation);
    }

    /// <summary>Puts a version in force that was fitted before. Repeatable.</summary>
    /// <remarks>Scores, and sentiments of texts, follow within a minute or so.</remarks>
    /// <param name="key">The model's key.</param>
    /// <param name="version">The version's number.</param>
    [HttpPost("{key}/versions/{version:int}/restore")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ModelResource>(StatusCodes.Status200OK)]
    public async Task<ModelResource> Restore(string key, int version, CancellationToken cancellation)
    {
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        if (!hidden.IsEmpty && version is > 0 and < int.MaxValue)
        {
            var found = await versions.ListAsync(key, 1, version + 1, cancellation);
            SensitiveFields.Refuse(found.Items is [var one] && hidden.AreAmong(one.Settings.ListFields()) ? [nameof(version)] : []);
        }

        return await versions.RestoreAsync(key, version, log, cancellation)
            ? await Get(key, cancellation)
            : throw ApiProblem.NotFound("model or version");
    }

    /// <summary>The formulas of lifetime value alone, to be held against a textbook.</summary>
    /// <remarks>Times are in any unit, the same for all; with the parameters in force, in weeks.</remarks>
    [HttpPost("lifetimeValue/predict")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<FormulaAnswer>(StatusCodes.Status200OK)]
    public Task<FormulaAnswer> Predict(FormulaRequest body, CancellationToken cancellation) => formulas.PredictAsync(body, cancellation);

    private async Task<Page<ModelVersionResource>> HideAsync(Page<ModelVersionResource> page, CancellationToken cancellation)
    {
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        return page with { Items = [.. page.Items.Select(v => SensitiveReads.Hide(v, hidden))] };
    }
}
