using System.Security.Claims;
using System.Text.Json;
using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>Reads and writes playbooks: checks a definition, stores each version of it, and lets one definition change at a time.</summary>
public sealed class PlaybookStore(
    SegmentationDb db,
    PlaybookCache cache,
    IValidator<PlaybookResource> validator,
    TimeZones zones,
    Limits limits,
    TimeProvider time)
{
    /// <summary>Begins a change; nobody else changes a definition until it ends.</summary>
    public Task<IDbContextTransaction> BeginAsync(CancellationToken cancellation) => DefinitionCache.BeginAsync(db, cancellation);

    /// <summary>The one with this key, to be changed; null where there is none.</summary>
    public Task<Playbook?> FindAsync(string key, CancellationToken cancellation) =>
        db.Playbooks.SingleOrDefaultAsync(p => p.Key == key, cancellation);

    /// <summary>The one with this key.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public async Task<Playbook> GetAsync(string key, CancellationToken cancellation) =>
        await FindAsync(key, cancellation) ?? throw ApiProblem.NotFound("playbook");

    /// <summary>A playbook to be saved.</summary>
    public Playbook New(string key) => new() { Key = key, CreatedAt = LocalTime.Truncate(time.GetUtcNow()) };

    /// <summary>A playbook to be saved under a key that nobody has yet.</summary>
    /// <exception cref="ApiProblem">409.</exception>
    public async Task<Playbook> NewAsync(string key, CancellationToken cancellation) =>
        await db.Playbooks.AnyAsync(p => p.Key == key, cancellation)
            ? throw ApiProblem.Conflict($"There is a playbook \"{key}\" already.")
            : New(key);

    /// <summary>Playbooks as they are answered, each checked against the definitions of now.</summary>
    public async Task<Func<Playbook, PlaybookResource>> CreateViewAsync(CancellationToken cancellation)
    {
        var all = await cache.GetAsync(db, cancellation);
        return playbook => Show(playbook, all.Compile(playbook).Errors);
    }

    /// <summary>All that is wrong with a playbook that was sent; empty for nothing.</summary>
    public async Task<IReadOnlyList<RuleError>> FindErrorsAsync(PlaybookResource body, CancellationToken cancellation)
    {
        var faults = FindFaults(body);
        var key = body.Key ?? "";
        return [.. faults, .. CanCompile(body) ? (await CompileAsync(key, 0, body, cancellation)).Errors : []];
    }

    /// <summary>The playbook that a preview is of.</summary>
    /// <exception cref="ApiProblem">400.</exception>
    internal async Task<CompiledPlaybook> PrepareAsync(PlaybookPreviewRequest request, CancellationToken cancellation)
    {
        if (request.Playbook is null == request.Key is null)
        {
            throw ApiProblem.Invalid("/playbook", "A preview is of a playbook, or of the key of a stored one: send one of both.");
        }

        if (request.Playbook is { } body)
        {
            var errors = await FindErrorsAsync(body, cancellation);
            return errors.Count == 0
                ? await CompileAsync(body.Key ?? "", 0, body, cancellation)
                : throw ApiProblem.Invalid(errors.Select(e => e with { Pointer = "/playbook" + e.Pointer }));
        }

        var stored = PlaybookTexts.IsKey(request.Key) ? await FindAsync(request.Key!, cancellation) : null;
        if (stored is null)
        {
            throw ApiProblem.Invalid("/key", "There is no such playbook: GET /api/v1/playbooks lists what there is.");
        }

        var compiled = (await cache.GetAsync(db, cancellation)).Compile(stored);
        return compiled.Errors is [var first, ..]
            ? throw ApiProblem.Invalid("/key", $"This playbook is not valid, at {first.Pointer}: {first.Message}")
            : compiled;
    }

    /// <summary>Saves a definition and commits. One that has not changed is no new version.</summary>
    /// <remarks>
    /// An invalid one is refused, but for one that is stored already and does not become active by this: a playbook of which something has
    /// gone can still be renamed, archived, put back as it was read, or copied to be repaired.
    /// </remarks>
    /// <param name="original">The playbook that this new one is a copy of.</param>
    /// <exception cref="ApiProblem">400; 409: too many.</exception>
    public async Task<(bool Created, PlaybookResource Saved)> SaveAsync(
        Playbook playbook,
        PlaybookResource body,
        ClaimsPrincipal user,
        IDbContextTransaction transaction,
        CancellationToken cancellation,
        Playbook? original = null)
    {
        var isNew = playbook.Version == 0;
        var faults = FindFaults(body);
        if (faults.Count > 0)
        {
            throw ApiProblem.Invalid(
                [.. faults, .. CanCompile(body) ? (await CompileAsync(playbook.Key, 0, body, cancellation)).Errors : []]);
        }

        var compiled = await CompileAsync(playbook.Key, playbook.Version, body, cancellation);
        var before = (original ?? playbook) is { Version: > 0 } stored ? PlaybookResource.Read(stored.Definition) : null;
        var becomesActive = compiled.Definition.Status == PlaybookStatus.Active && (isNew || playbook.Status != PlaybookStatus.Active);
        if (compiled.Errors.Count > 0 && (becomesActive || before is null || !SaysTheSame(before, compiled.Definition)))
        {
            throw ApiProblem.Invalid(compiled.Errors);
        }

        if (!isNew && JsonElement.DeepEquals(compiled.Definition.Write(), playbook.Definition))
        {
            return (false, Show(playbook, compiled.Errors));
        }

        if (!isNew)
        {
            CheckRunning(await cache.GetAsync(db, cancellation), before!, compiled.Definition);
        }

        await CheckRoomAsync(playbook, compiled.Definition, cancellation);
        playbook.Take(compiled.Definition, LocalTime.Truncate(time.GetUtcNow()));
        await AddVersionAsync(playbook, isNew, user, cancellation);
        await transaction.CommitAsync(cancellation);
        return (isNew, Show(playbook, compiled.Errors));
    }

    /// <summary>Deletes a playbook, and commits.</summary>
    public async Task DeleteAsync(Playbook playbook, IDbContextTransaction transaction, CancellationToken cancellation)
    {
        db.Playbooks.Remove(playbook);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private static PlaybookResource Show(Playbook playbook, IReadOnlyList<RuleError> errors) =>
        PlaybookResource.Read(playbook.Definition) with
        {
            Key = playbook.Key,
            Version = playbook.Version,
            Valid = errors.Count == 0,
            Errors = errors.Count == 0 ? null : ApiProblem.Invalid(errors).Errors,
            CreatedAt = playbook.CreatedAt,
            UpdatedAt = playbook.UpdatedAt,
        };

    // What words say of it makes no difference to what it does.
    private static bool SaysTheSame(PlaybookResource one, PlaybookResource other)
    {
        static JsonElement Meaning(PlaybookResource playbook) =>
            (playbook with { Name = null, Description = null, Goal = null, Tags = null, Status = null }).Write();
        return JsonElement.DeepEquals(Meaning(one), Meaning(other));
    }

    // Whoever was shown a variant is compared by what it shows.
    private static void CheckRunning(PlaybookSet set, PlaybookResource before, PlaybookResource after)
    {
        foreach (var old in before.Plays!)
        {
            var now = after.Plays!.FirstOrDefault(p => p.Key == old.Key);
            if (now is null || IsSame(old, now))
            {
                continue;
            }

            foreach (var key in new[] { old.Experiment, now.Experiment }.OfType<string>())
            {
                if (set.Experiments.ByKey.GetValueOrDefault(key)?.Running is not null)
                {
                    throw ApiProblem.Conflict(
                        $"The experiment \"{key}\" is running: the experiment and contents of the play \"{old.Key}\" can't change. Stop it "
                        + "first.");
                }
            }
        }

        static bool IsSame(PlayResource one, PlayResource other) => one.Experiment == other.Experiment && JsonElement.DeepEquals(
            JsonSerializer.SerializeToElement(one.Contents, Json.Options), JsonSerializer.SerializeToElement(other.Contents, Json.Options));
    }

    private static bool CanCompile(PlaybookResource body) => body.Plays?.Contains(null!) != true;

    private List<RuleError> FindFaults(PlaybookResource body) =>
        [.. validator.Validate(body).Errors.Select(e => new RuleError(e.PropertyName, e.ErrorMessage))];

    private async Task<CompiledPlaybook> CompileAsync(string key, int version, PlaybookResource body, CancellationToken cancellation) =>
        (await cache.GetAsync(db, cancellation))
            .Compile(key, version, body.Complete(key, zones.Resolve(body.TimeZone) ?? TimeZones.Default));

    private async Task CheckRoomAsync(Playbook playbook, PlaybookResource definition, CancellationToken cancellation)
    {
        if (definition.Status != PlaybookStatus.Active)
        {
            return;
        }

        var others = db.Playbooks.Where(p => p.Status == PlaybookStatus.Active && p.Id != playbook.Id);
        if (await others.CountAsync(cancellation) >= limits.ActivePlaybooks)
        {
            throw ApiProblem.Conflict($"There can be at most {limits.ActivePlaybooks} active playbooks: archive one first.");
        }

        if (await others.SumAsync(p => p.PlayCount, cancellation) + definition.Plays!.Count > limits.ActivePlays)
        {
            throw ApiProblem.Conflict($"Active playbooks can have at most {limits.ActivePlays} plays together: archive one first.");
        }
    }

    private async Task AddVersionAsync(Playbook playbook, bool isNew, ClaimsPrincipal user, CancellationToken cancellation)
    {
        if (isNew)
        {
            db.Playbooks.Add(playbook);
            await db.SaveChangesAsync(cancellation);
        }

        db.PlaybookVersions.Add(PlaybookVersion.Create(playbook, user.Identity?.Name ?? "anonymous"));
        await db.SaveChangesAsync(cancellation);
        await db.PlaybookVersions.Where(v => v.PlaybookId == playbook.Id && v.Version <= playbook.Version - limits.Versions)
            .ExecuteDeleteAsync(cancellation);
    }
}
