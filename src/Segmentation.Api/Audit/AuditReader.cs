using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Audit;

/// <summary>Reads the audit log, and checks its chain.</summary>
public sealed class AuditReader(Work work)
{
    internal const string Pruned = "audit.prune";

    private const int Chunk = 5000;
    private const string Columns = "id, at, actor, action, resource, entry, hash";

    /// <summary>A page of the log, the newest first.</summary>
    public async Task<Page<AuditEntryResource>> ListAsync(AuditFilter filter, int limit, long? before, CancellationToken cancellation)
    {
        List<NpgsqlParameter> parameters = [];
        List<string> conditions = ["true"];
        void Add<T>(string condition, T? value)
        {
            if (value is not null)
            {
                parameters.Add(SqlParameter.Create(value));
                conditions.Add(string.Create(CultureInfo.InvariantCulture, $"{condition} ${parameters.Count}"));
            }
        }

        Add("actor =", filter.Actor);
        Add("action =", filter.Action);
        Add("resource =", filter.Resource);
        Add("at >=", (object?)filter.From);
        Add("at <", (object?)filter.To);
        Add("id <", (object?)before);
        parameters.Add(SqlParameter.Create(limit + 1));
        var rows = await work.Source.QueryAsync(
            $"SELECT {Columns} FROM audit WHERE {string.Join(" AND ", conditions)} ORDER BY id DESC LIMIT ${parameters.Count}",
            Read, cancellation, [.. parameters]);
        return Paging.Create(rows, limit, r => r.Show(), r => [r.Id]);
    }

    /// <summary>The end of the chain.</summary>
    public async Task<AuditHead> ReadHeadAsync(CancellationToken cancellation) => await ReadHeadAsync(work.Source, cancellation);

    internal static async Task<AuditHead> ReadHeadAsync(NpgsqlDataSource database, CancellationToken cancellation) =>
        (await database.QueryAsync(
            "SELECT id, hash, CASE WHEN id > 0 THEN at END FROM audit_head",
            r => new AuditHead(
                r.GetInt64(0), Convert.ToHexStringLower((byte[])r[1]), r.IsDBNull(2) ? null : r.GetFieldValue<DateTimeOffset>(2)),
            cancellation)).SingleOrDefault() ?? throw ApiProblem.Conflict(
                "Somebody has taken the chain's end out of the database: nothing that is audited can be done until it is put back from a "
                + "backup. POST /api/v1/audit/verify says what is left.");

    /// <summary>Reads a part of the log, or all, and computes the chain anew.</summary>
    /// <returns>What was found, and whether the chain has its head: without it nothing can be appended.</returns>
    /// <exception cref="ApiProblem">400: the part begins after the end.</exception>
    public async Task<(AuditVerdict Verdict, bool HasHead)> VerifyAsync(AuditVerification what, CancellationToken cancellation)
    {
        // Somebody may have taken the head away: then it is no entry's.
        var (head, first, last) = (await work.Source.QueryAsync(
            """
            SELECT coalesce((SELECT id FROM audit_head), -1), (SELECT min(id) FROM audit), (SELECT max(id) FROM audit),
                coalesce((SELECT hash FROM audit_head), '')
            """,
            r => ((Id: r.GetInt64(0), Hash: (byte[])r[3]), First: r.IsDBNull(1) ? (long?)null : r.GetInt64(1),
                Last: r.IsDBNull(2) ? 0 : r.GetInt64(2)),
            cancellation)).Single();
        if (what.From > Math.Max(head.Id, last) + 1)
        {
            throw ApiProblem.Invalid("/from", $"The log's last entry is {Math.Max(head.Id, last)}.");
        }

        var from = Math.Max(what.From ?? 1, first ?? 1);
        var to = Math.Min(what.To ?? long.MaxValue, Math.Max(head.Id, last));
        var (hash, startFault) = await FindStartAsync(from, first ?? 1, what.From, cancellation);
        var (firstBad, seen, count, expected) = (startFault, (byte[]?)null, 0L, from);
        var at = DateTimeOffset.MinValue.AddDays(1);
        for (var next = from - 1; firstBad is null && next < to;)
        {
            var rows = await work.Source.QueryAsync(
                $"SELECT {Columns} FROM audit WHERE (id, at) > ($1, $2) AND id > $3 AND id <= $4 ORDER BY id, at LIMIT {Chunk}",
                Read, cancellation, SqlParameter.Create(next), SqlParameter.Create(at), SqlParameter.Create(from - 1),
                SqlParameter.Create(to));
            foreach (var row in rows)
            {
                count++;
                hash = row.Next(hash);
                if (row.Id != expected || !row.IsRight(hash))
                {
                    firstBad = Math.Min(row.Id, expected);
                    break;
                }

                seen = row.Id == what.Head?.Id ? row.Hash : seen;
                (expected, next, at) = (expected + 1, row.Id, row.At);
            }

            if (rows.Count < Chunk)
            {
                firstBad ??= expected <= to ? expected : null;
                break;
            }
        }

        if (firstBad is null && to >= head.Id && (last != head.Id || !(head.Id == 0 || hash.AsSpan().SequenceEqual(head.Hash))))
        {
            firstBad = head.Id < 0 ? last + 1 : Math.Min(head.Id, last) + (last == head.Id ? 0 : 1);
        }

        bool? headSeen = what.Head is { } kept ? Matches(kept, seen ?? await FindHashAsync(kept.Id, cancellation)) : null;
        return (
            new AuditVerdict(
                firstBad is null && headSeen != false, count, firstBad ?? (headSeen == false ? what.Head!.Id : null), headSeen),
            head.Id >= 0);
    }

    private static bool Matches(AuditHeadClaim kept, byte[]? hash) =>
        (hash is not null && Convert.ToHexStringLower(hash).Equals(kept.Hash, StringComparison.OrdinalIgnoreCase))
        || (kept.Id == 0 && kept.Hash!.All(c => c == '0'));

    // What the first entry follows: nothing, one that is not asked about, or one that was pruned, as an entry further on says.
    private async Task<(byte[] Hash, long? Fault)> FindStartAsync(long from, long first, long? asked, CancellationToken cancellation)
    {
        if (from <= 1)
        {
            return (new byte[32], null);
        }

        if (from > first)
        {
            return await FindHashAsync(from - 1, cancellation) is { } hash ? (hash, null) : (new byte[32], from - 1);
        }

        var pruned = await work.Source.QueryAsync(
            "SELECT entry FROM audit WHERE action = $1", r => JsonNode.Parse(r.GetString(0))!["after"], cancellation,
            SqlParameter.Create(Pruned));
        return pruned.Find(p => (long?)p?["lastId"] == from - 1) is { } last
            ? (Convert.FromHexString((string)last["lastHash"]!), null)
            : (new byte[32], Math.Max(asked ?? 1, 1));
    }

    private async Task<byte[]?> FindHashAsync(long id, CancellationToken cancellation) =>
        (await work.Source.QueryAsync(
            "SELECT hash FROM audit WHERE id = $1", r => (byte[])r[0], cancellation, SqlParameter.Create(id))).FirstOrDefault();

    private static Row Read(NpgsqlDataReader r) => new(
        r.GetInt64(0), r.GetFieldValue<DateTimeOffset>(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5), (byte[])r[6]);

    private sealed record Row(long Id, DateTimeOffset At, string Actor, string Action, string Resource, string Entry, byte[] Hash)
    {
        public byte[] Next(byte[] previous) => SHA256.HashData([.. previous, .. Encoding.UTF8.GetBytes(Entry)]);

        // What lists are filtered by must be what the entry says.
        public bool IsRight(byte[] computed)
        {
            try
            {
                return computed.AsSpan().SequenceEqual(Hash) && JsonNode.Parse(Entry) is JsonObject entry
                    && (long?)entry["id"] == Id && (string?)entry["at"] == Json.Format(At) && (string?)entry["actor"]?["id"] == Actor
                    && (string?)entry["action"] == Action && (string?)entry["resource"] == Resource;
            }
            catch (Exception other) when (other is JsonException or InvalidOperationException or FormatException)
            {
                return false;
            }
        }

        public AuditEntryResource Show() =>
            JsonSerializer.Deserialize<AuditEntryResource>(Entry, Json.Options)! with { Hash = Convert.ToHexStringLower(Hash) };
    }
}
