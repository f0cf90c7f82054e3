using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Rights;

/// <summary>
/// Takes a customer's id and email out of what definitions were, and finds what definitions compare with them now: these somebody has to
/// change, who knows what is meant instead.
/// </summary>
internal sealed class DefinitionErasure(SegmentationDb db) : IErasureObserver
{
    /// <summary>Stands in a receipt for what was not looked for yet: <see cref="ErasureKeeper"/> does, for all such receipts at once.
    /// </summary>
    public const string Unread = "definitions";

    // What waits or runs is in force, too, until it has ended.
    private static readonly (string Table, string Key, string Column, string IsPresent)[] Present =
    [
        ("segments", "key", "rule", "true"), ("playbooks", "key", "definition", "true"), ("experiments", "key", "definition", "true"),
        ("metrics", "key", "definition", "true"), ("models", "key", "settings", "true"), ("analyses", "id", "request", "status <= 1"),
        ("experiment_runs", "(SELECT d.key FROM experiments d WHERE d.id = t.experiment_id) || '/' || t.run", "definition",
            "stopped_at IS NULL"),
    ];

    // What is in force is left as it is: whoever changes a definition makes it one of these.
    private static readonly (string Table, string Column, string Type, string IsPast)[] Past =
    [
        ("segment_versions", "definition", "jsonb",
            "NOT EXISTS (SELECT FROM segments d WHERE d.id = t.segment_id AND d.version = t.version)"),
        ("playbook_versions", "definition", "json",
            "NOT EXISTS (SELECT FROM playbooks d WHERE d.id = t.playbook_id AND d.version = t.version)"),
        ("experiment_versions", "definition", "jsonb",
            "NOT EXISTS (SELECT FROM experiments d WHERE d.id = t.experiment_id AND d.version = t.version)"),
        ("experiment_runs", "definition", "jsonb", "stopped_at IS NOT NULL"),
        ("model_versions", "settings", "json", "NOT in_force"),
        ("analyses", "request", "json", "status > 1"),
    ];

    public async Task EraseAsync(Erasing erasing, CancellationToken cancellation)
    {
        if (erasing.Customer is null)
        {
            return;
        }

        if (erasing.IsOfMany)
        {
            erasing.Definitions.Add(Unread);
            return;
        }

        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        var texts = erasing.FoldedNames;
        var found = await ListPresentAsync(connection, texts, texts.Contains, cancellation);
        erasing.Definitions.AddRange(found.Select(f => f.Name));
        erasing.Count("definitions", (await ErasePastAsync(connection, texts, texts.Contains, cancellation)).Count);
    }

    /// <summary>The present definitions whose rules compare with some texts: <c>segments/vip</c>, each with those that it has.</summary>
    /// <param name="texts">The texts, folded; null where they are not known, but by <paramref name="isOf"/>.</param>
    public static async Task<List<(string Name, IReadOnlySet<string> Texts)>> ListPresentAsync(
        NpgsqlConnection connection, string[]? texts, Func<string, bool> isOf, CancellationToken cancellation)
    {
        List<(string, IReadOnlySet<string>)> found = [];
        foreach (var (table, key, column, isPresent) in Present)
        {
            await using var command = new NpgsqlCommand(
                $"SELECT {key}, {column}::text FROM {table} t WHERE {isPresent} AND {HasSql(column)}", connection);
            command.Parameters.Add(Needles(texts));
            var rows = await command.ReadAllAsync(r => (Key: r.GetString(0), Document: r.GetString(1)), cancellation);
            found.AddRange(rows.Select(r => ($"{table}/{r.Key}", RuleTexts.Erase(JsonNode.Parse(r.Document), isOf)))
                .Where(r => r.Item2.Count > 0));
        }

        return found;
    }

    /// <summary>Takes texts out of the rules of all that definitions were, in the connection's transaction.</summary>
    /// <inheritdoc cref="ListPresentAsync"/>
    /// <returns>Of each document that had some, which.</returns>
    public static async Task<List<IReadOnlySet<string>>> ErasePastAsync(
        NpgsqlConnection connection, string[]? texts, Func<string, bool> isOf, CancellationToken cancellation)
    {
        List<IReadOnlySet<string>> erased = [];
        foreach (var (table, column, type, isPast) in Past)
        {
            await using var select = new NpgsqlCommand(
                $"SELECT ctid::text, {column}::text FROM {table} t WHERE {isPast} AND {HasSql(column)} FOR UPDATE OF t", connection);
            select.Parameters.Add(Needles(texts));
            foreach (var (place, document) in await select.ReadAllAsync(r => (r.GetString(0), r.GetString(1)), cancellation))
            {
                var node = JsonNode.Parse(document);
                var had = RuleTexts.Erase(node, isOf);
                if (had.Count == 0)
                {
                    continue;
                }

                await using var update = new NpgsqlCommand(
                    $"UPDATE {table} SET {column} = $2::{type} WHERE ctid = $1::tid", connection);
                update.Parameters.Add(SqlParameter.Create(place));
                update.Parameters.Add(SqlParameter.Create(node!.ToJsonString(Json.Options)));
                await update.ExecuteNonQueryAsync(cancellation);
                erased.Add(had);
            }
        }

        return erased;
    }

    // What can't be in a document is not read. The binary form writes each character in one way.
    private static string HasSql(string column) =>
        $"""
        {column} IS NOT NULL AND ($1 IS NULL OR EXISTS (
            SELECT FROM unnest($1) AS x (needle) WHERE strpos(lower({column}::jsonb::text COLLATE "C"), x.needle) > 0))
        """;

    // Other texts may be written in several ways.
    private static NpgsqlParameter Needles(string[]? texts) => SqlParameter.Create(
        texts?.All(t => t.All(c => c is >= ' ' and <= '~' and not '"' and not '\\')) == true ? texts : null,
        NpgsqlDbType.Array | NpgsqlDbType.Text);
}
