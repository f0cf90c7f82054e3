using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>A model as it is defined.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Type">Its type.</param>
/// <param name="Settings">What it is told, complete.</param>
public sealed record ModelDefinition(string Key, ModelType Type, ModelSettings Settings);

/// <summary>Models: those that are built in, and those that users define. What was fitted is not here.</summary>
public sealed class ModelStore(SegmentationDb db, IEnumerable<ModelType> types, TimeProvider time)
{
    // Each that is in force is read for everybody once a day.
    private const int Most = 20;

    /// <summary>All of them, by key.</summary>
    public async Task<IReadOnlyList<ModelDefinition>> ListAsync(CancellationToken cancellation)
    {
        var kept = await db.Models.AsNoTracking().ToDictionaryAsync(m => m.Key, cancellation);
        var builtIn = types.Where(t => t.BuiltInKey is not null).Select(t => Define(t.BuiltInKey!, kept.GetValueOrDefault(t.BuiltInKey!)));
        var all = kept.Values.Select(m => Define(m.Key, m)).Concat(builtIn).DistinctBy(m => m.Key);
        return [.. all.OrderBy(m => m.Key, StringComparer.Ordinal)];
    }

    /// <summary>The one with this key; null where there is none.</summary>
    public async Task<ModelDefinition?> FindAsync(string key, CancellationToken cancellation)
    {
        var builtIn = FindBuiltIn(key) is not null;
        if (!builtIn && !IsKey(key))
        {
            return null;
        }

        var kept = await db.Models.AsNoTracking().SingleOrDefaultAsync(m => m.Key == key, cancellation);
        return builtIn || kept is not null ? Define(key, kept) : null;
    }

    /// <summary>The one that a body names.</summary>
    /// <param name="pointer">Where.</param>
    /// <exception cref="ApiProblem">400: there is none; the nearest key is said.</exception>
    public async Task<ModelDefinition> GetAsync(string key, string pointer, CancellationToken cancellation)
    {
        if (await FindAsync(key, cancellation) is { } model)
        {
            return model;
        }

        var keys = (await ListAsync(cancellation)).Select(m => m.Key);
        var hint = NearestName.Find(key, keys) is { } nearest ? $"Did you mean \"{nearest}\"?" : "GET /api/v1/models lists what there is.";
        throw ApiProblem.Invalid(pointer, $"There is no model {ErrorText.Quote(key)}. {hint}");
    }

    /// <summary>Defines a model, or changes its settings.</summary>
    /// <param name="checkVersion">Throws where the caller wants it only if it is there, or only if it is not.</param>
    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    public async Task<(ModelDefinition Model, bool Created)> SaveAsync(
        string key, ModelSettings body, Action<int?> checkVersion, CancellationToken cancellation)
    {
        await using var transaction = await DefinitionCache.BeginAsync(db, cancellation);
        var before = await FindAsync(key, cancellation);
        var created = before is null;
        checkVersion(created ? null : 1); // It has no versions to tell apart: only whether it is there.
        var definition = new ModelDefinition(key, ChooseType(key, body, before), null!);
        definition = definition with { Settings = await CheckAsync(definition, body, cancellation) };
        var settings = JsonSerializer.SerializeToElement(definition.Settings, Json.Options);
        var now = LocalTime.Truncate(time.GetUtcNow());
        if (created && await db.Models.CountAsync(cancellation) >= Most)
        {
            throw ApiProblem.TooMany(Most, "models");
        }

        var kept = await db.Models.SingleOrDefaultAsync(m => m.Key == key, cancellation)
            ?? db.Models.Add(new Model { Key = key, CreatedAt = now }).Entity;
        (kept.Settings, kept.UpdatedAt) = (settings, now);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return (definition, created);
    }

    /// <summary>Deletes a model.</summary>
    /// <exception cref="ApiProblem">409: it is built in, or active segments read it.</exception>
    public async Task DeleteAsync(string key, CancellationToken cancellation)
    {
        if (FindBuiltIn(key) is not null)
        {
            throw ApiProblem.Conflict($"\"{key}\" is built in: it can't be deleted. PUT changes its settings.");
        }

        if (IsKey(key))
        {
            var users = await FindAsync(key, cancellation) is { } model ? await model.Type.ListUsersAsync(key, cancellation) : [];
            if (users.Count > 0)
            {
                throw ApiProblem.Conflict($"Active segments read \"{key}\": {string.Join(", ", users)}.");
            }

            if (await db.Models.SingleOrDefaultAsync(m => m.Key == key, cancellation) is { } kept)
            {
                db.Models.Remove(kept);
                await db.SaveChangesAsync(cancellation);
            }
        }
    }

    private static bool IsKey(string key) => Regex.IsMatch(key, Segment.KeyPattern) && !key.EndsWith('\n');

    private ModelType? FindBuiltIn(string key) => types.FirstOrDefault(t => t.BuiltInKey == key);

    private ModelDefinition Define(string key, Model? kept)
    {
        var settings = kept?.Settings.Deserialize<ModelSettings>(Json.Options);
        var type = settings is null ? FindBuiltIn(key)! : types.First(t => t.Name == settings.Type);
        return new ModelDefinition(key, type, settings ?? type.Complete(new ModelSettings(), []));
    }

    private ModelType ChooseType(string key, ModelSettings body, ModelDefinition? before)
    {
        if (before is not null)
        {
            return body.Type is null || body.Type == before.Type.Name
                ? before.Type
                : throw ApiProblem.Invalid("/type", $"The model \"{key}\" is of the type {before.Type.Name}, which stays.");
        }

        var open = types.Where(t => t.BuiltInKey is null).Select(t => t.Name).Order(StringComparer.Ordinal).ToList();
        var known = open.Count == 0
            ? "Those that are built in are all there are: GET /api/v1/models."
            : $"Known: {string.Join(", ", open)}.";
        if (body.Type is null)
        {
            throw ApiProblem.Invalid("/type", $"A model of your own needs a type. {known}");
        }

        var chosen = types.FirstOrDefault(t => t.BuiltInKey is null && t.Name == body.Type) ?? throw ApiProblem.Invalid(
            "/type", $"{ErrorText.Quote(body.Type)} is no type of models of your own. {known}");
        return IsKey(key) ? chosen : throw ApiProblem.Invalid(
            "/key", "A key is 1 to 63 lowercase letters, digits and hyphens, and starts with no hyphen.");
    }

    private static async Task<ModelSettings> CheckAsync(
        ModelDefinition model, ModelSettings body, CancellationToken cancellation)
    {
        List<RuleError> errors = [];
        var complete = model.Type.Complete(body, errors);
        await model.Type.CheckAsync(body, errors, cancellation);
        var own = JsonSerializer.SerializeToElement(complete, Json.Options);
        errors.AddRange(JsonSerializer.SerializeToElement(body, Json.Options).EnumerateObject()
            .Where(p => !own.TryGetProperty(p.Name, out _))
            .Select(p => new RuleError($"/{p.Name}", $"{p.Name} is no setting of the type {model.Type.Name}.")));
        return errors.Count == 0 ? complete : throw ApiProblem.Invalid(errors);
    }
}
