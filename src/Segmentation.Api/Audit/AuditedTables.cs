using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata;
using Segmentation.Api.Http;

namespace Segmentation.Api.Audit;

/// <summary>A table of definitions, each change of which leaves an entry, whoever saves it.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Resource">What its rows are called in the log: <c>segments/KEY</c>.</param>
/// <param name="Key">The property with a row's name.</param>
/// <param name="Omitted">Properties that are secret, say nothing, or change by themselves.</param>
internal sealed record AuditedTable(string Table, string Resource, string Key, params string[] Omitted)
{
    private static readonly string[] AlwaysOmitted = ["Id", "CreatedAt", "UpdatedAt", "CreatedBy"];

    /// <summary>A row's name in the log.</summary>
    public string Name(EntityEntry row) => $"{Resource}/{row.Property(Key).CurrentValue}";

    /// <summary>A row as the log shows it.</summary>
    public JsonObject Write(IEntityType type, PropertyValues values, byte[] marks)
    {
        var document = new JsonObject();
        foreach (var property in type.GetProperties().Where(p => !p.IsPrimaryKey() && p.Name != Key))
        {
            if (!Omitted.Contains(property.Name) && !AlwaysOmitted.Contains(property.Name) && values[property] is { } value)
            {
                document[JsonNamingPolicy.CamelCase.ConvertName(property.Name)] =
                    AuditDocument.Hide(JsonSerializer.SerializeToNode(value, value.GetType(), Json.Options), property.Name, marks);
            }
        }

        return document;
    }
}

/// <summary>Which tables those are.</summary>
internal static class AuditedTables
{
    public static IReadOnlyDictionary<string, AuditedTable> All { get; } = new[]
    {
        new AuditedTable("segments", "segments", "Key", "MemberCount", "EvaluatedAt"),
        new AuditedTable("attributes", "attributes", "Name"),
        new AuditedTable("purposes", "purposes", "Name"),
        new AuditedTable("metrics", "metrics", "Key"),
        new AuditedTable("models", "models", "Key"),
        new AuditedTable("experiments", "experiments", "Key"),
        new AuditedTable("playbooks", "playbooks", "Key", "Refers", "PlayCount", "Status", "Tags"),
        new AuditedTable("placements", "placements", "Key"),
        new AuditedTable("webhooks", "webhooks", "Id", "Secret", "PreviousSecret", "FailingSince"),
        new AuditedTable("api_keys", "api-keys", "Id", "LastUsedAt"),
    }.ToDictionary(t => t.Table);

    public static AuditedTable? Find(IEntityType type) => type.GetTableName() is { } table ? All.GetValueOrDefault(table) : null;
}
