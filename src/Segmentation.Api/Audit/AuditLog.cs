using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Access;
using Segmentation.Api.Data;

namespace Segmentation.Api.Audit;

/// <summary>Appends to the audit log: who did what, when. The definitions of <see cref="AuditedTables"/> do so by themselves.</summary>
/// <remarks>
/// An entry holds no personal data, so that no erasure ever has to touch it: a customer is named by <see cref="CustomerMarks.NameAsync"/>.
/// </remarks>
public sealed class AuditLog(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, CustomerMarks marks, IHttpContextAccessor requests, TimeProvider time)
{
    // What an action of the API is called where its name is a verb of its own.
    private static readonly string[] Verbs = ["Restore", "Rotate", "Revoke", "Start", "Stop", "Archive"];

    private readonly ConditionalWeakTable<SegmentationDb, List<AuditEntry>> pending = [];

    /// <summary>
    /// Appends an entry with the change that it tells of: as the last statement of the transaction, so that the chain, which has one end,
    /// is held no longer than a commit takes. Without a transaction, at once.
    /// </summary>
    /// <param name="db">Whose transaction it is.</param>
    /// <param name="action">What was done: <c>consents.record</c>.</param>
    /// <param name="resource">To what: <c>segments/vip</c>, <c>customers/hmac:…</c>.</param>
    /// <param name="before">What was before, or an RFC 6902 patch back to it; no personal data, no secret.</param>
    /// <param name="after">What is now, or a patch to it.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task AppendAsync(
        SegmentationDb db, string action, string resource, JsonNode? before = null, JsonNode? after = null,
        CancellationToken cancellation = default)
    {
        var entry = await CreateAsync(action, resource, before, after, cancellation);
        if (db.Database.CurrentTransaction is null)
        {
            await WriteAsync(entry, cancellation);
        }
        else
        {
            Pending(db).Add(entry);
        }
    }

    /// <summary>Appends an entry of what changes nothing, at once.</summary>
    /// <inheritdoc cref="AppendAsync(SegmentationDb, string, string, JsonNode?, JsonNode?, CancellationToken)"/>
    public async Task AppendAsync(
        string action, string resource, JsonNode? before = null, JsonNode? after = null, CancellationToken cancellation = default) =>
        await WriteAsync(await CreateAsync(action, resource, before, after, cancellation), cancellation);

    /// <summary>The same, on a connection without EF Core, in its transaction, which is to be committed next.</summary>
    /// <inheritdoc cref="AppendAsync(SegmentationDb, string, string, JsonNode?, JsonNode?, CancellationToken)"/>
    internal async Task AppendAsync(
        NpgsqlConnection connection, string action, string resource, JsonNode? before, JsonNode? after, CancellationToken cancellation)
    {
        var entry = await CreateAsync(action, resource, before, after, cancellation);
        await entry.AppendAsync(connection, cancellation);
    }

    /// <summary>Appends an entry of what was asked for before, at once.</summary>
    /// <param name="origin">Who asked, of <see cref="FindOriginAsync"/>.</param>
    /// <inheritdoc cref="AppendAsync(SegmentationDb, string, string, JsonNode?, JsonNode?, CancellationToken)"/>
    internal Task AppendAsync(AuditOrigin origin, string action, string resource, JsonNode? after, CancellationToken cancellation) =>
        WriteAsync(
            AuditEntry.Create(time.GetUtcNow(), origin.Actor, action, resource, origin.RequestId, before: null, after), cancellation);

    /// <summary>Who asks now, for what is done after the answer.</summary>
    internal async Task<AuditOrigin> FindOriginAsync(CancellationToken cancellation) =>
        new(await FindActorAsync(cancellation), requests.HttpContext?.TraceIdentifier);

    /// <summary>What a request's action does to a definition that there was.</summary>
    internal string ChangeVerb =>
        requests.HttpContext?.GetEndpoint()?.Metadata.GetMetadata<Microsoft.AspNetCore.Mvc.Controllers.ControllerActionDescriptor>()
            ?.ActionName is { } name && Verbs.Contains(name) ? name.ToLowerInvariant() : "change";

    /// <summary>Who does this, as the log names them; of a customer who does it by itself, nothing that says which.</summary>
    public async Task<string> FindCallerAsync(CancellationToken cancellation) =>
        requests.HttpContext?.Caller.Kind == CallerKind.Self ? "self" : (await FindActorAsync(cancellation)).Id;

    /// <summary>What waits for the context's transaction to be committed.</summary>
    internal List<AuditEntry> Pending(SegmentationDb db) => pending.GetValue(db, _ => []);

    private async Task<AuditEntry> CreateAsync(
        string action, string resource, JsonNode? before, JsonNode? after, CancellationToken cancellation)
    {
        var (actor, request) = await FindOriginAsync(cancellation);
        return AuditEntry.Create(time.GetUtcNow(), actor, action, resource, request, before, after);
    }

    private async Task WriteAsync(AuditEntry entry, CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        await entry.AppendAsync(connection, cancellation);
    }

    private async Task<AuditActor> FindActorAsync(CancellationToken cancellation)
    {
        // A request that nobody has been found to send yet is as unknown as one of an open service.
        var caller = requests.HttpContext?.Caller;
        return caller?.Kind switch
        {
            null => AuditActor.Service,
            CallerKind.Key => new AuditActor("key", caller.Id, caller.KeyName),
            CallerKind.Jwt => new AuditActor("jwt", caller.Id, null),
            CallerKind.Self => new AuditActor(
                "jwt", await marks.NameAsync(caller.CustomerId ?? caller.Id, cancellation), null), // Its subject is the customer.
            _ => new AuditActor("system", "anonymous", null),
        };
    }
}

/// <summary>Who did something.</summary>
/// <param name="Kind"><c>key</c>, <c>jwt</c>, or <c>system</c>: the service itself, its operator, or anyone while it is open.</param>
/// <param name="Id">The key's id, or the token's subject; of a customer's own token, the customer's mark. Of <c>system</c>
/// <c>service</c>, or <c>anonymous</c> for whoever calls a service without access control.</param>
/// <param name="Name">The key's name.</param>
public sealed record AuditActor(string Kind, string Id, string? Name)
{
    internal static AuditActor Service { get; } = new("system", "service", null);
}

/// <summary>Who asked for something, and with which request; null where no request did.</summary>
internal sealed record AuditOrigin(AuditActor Actor, string? RequestId);

/// <summary>An entry before its place in the chain is known: its canonical JSON around the time and the number.</summary>
internal sealed record AuditEntry(
    DateTimeOffset At, string Actor, string Action, string Resource, string Opening, string Middle, string Ending)
{
    public const string AppendSql = "SELECT audit_append($1, $2, $3, $4, $5, $6, $7)";

    public static AuditEntry Create(
        DateTimeOffset at, AuditActor actor, string action, string resource, string? requestId, JsonNode? before, JsonNode? after)
    {
        var who = new JsonObject { ["kind"] = actor.Kind, ["id"] = actor.Id };
        if (actor.Name is not null)
        {
            who["name"] = actor.Name;
        }

        // In the order of RFC 8785: action, actor, after, at, before, id, requestId, resource.
        return new AuditEntry(
            at,
            actor.Id,
            action,
            resource,
            $"{{\"action\":{Text(action)},\"actor\":{CanonicalJson.Write(who)},{Property("after", after)}\"at\":\"",
            $"\",{Property("before", before)}\"id\":",
            $",{(requestId is null ? "" : $"\"requestId\":{Text(requestId)},")}\"resource\":{Text(resource)}}}");
    }

    /// <summary>Appends it, on a connection or in the transaction that it has, which should be committed next.</summary>
    /// <returns>Its number.</returns>
    public async Task<long> AppendAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(AppendSql, connection);
        command.Parameters.AddRange(Parameters);
        return (long)(await command.ExecuteScalarAsync(cancellation))!;
    }

    /// <summary>Appends entries and commits the connection's transaction, in one message: nobody's journey lies between the two, while all
    /// others wait for the chain's end.</summary>
    public static async Task AppendAndCommitAsync(
        NpgsqlConnection connection, IEnumerable<AuditEntry> entries, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var entry in entries)
        {
            var append = new NpgsqlBatchCommand(AppendSql);
            append.Parameters.AddRange(entry.Parameters);
            batch.BatchCommands.Add(append);
        }

        batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        await batch.ExecuteNonQueryAsync(cancellation);
    }

    private NpgsqlParameter[] Parameters =>
    [
        SqlParameter.Create(At), SqlParameter.Create(Actor), SqlParameter.Create(Action), SqlParameter.Create(Resource),
        SqlParameter.Create(Opening), SqlParameter.Create(Middle), SqlParameter.Create(Ending),
    ];

    private static string Text(string value) => CanonicalJson.Write((JsonNode)value);

    private static string Property(string name, JsonNode? value) =>
        value is null ? "" : $"\"{name}\":{CanonicalJson.Write(JsonNode.Parse(value.ToJsonString()))},";
}
