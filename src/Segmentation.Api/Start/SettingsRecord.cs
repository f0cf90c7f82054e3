using System.Text.Json.Nodes;
using Npgsql;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;

namespace Segmentation.Api;

/// <summary>Has the audit log say what is set, where that is not what it said last.</summary>
internal static class SettingsRecord
{
    private const string Action = "settings.change";

    // How to connect holds passwords.
    private const string Connections = "ConnectionStrings:";

    public static async Task WriteAsync(WebApplication app, IReadOnlyList<Setting> known, CancellationToken cancellation)
    {
        if (!app.Services.GetRequiredService<SchemaState>().WasRight)
        {
            return;
        }

        var now = new JsonObject(app.Configuration.AsEnumerable()
            .Where(s => s.Value is not null && !s.Key.StartsWith(Connections, StringComparison.OrdinalIgnoreCase)
                && known.Any(k => k.Includes(s.Key)))
            .OrderBy(s => s.Key, StringComparer.OrdinalIgnoreCase)
            .Select(s => KeyValuePair.Create<string, JsonNode?>(s.Key, s.Value)));
        var database = app.Services.GetRequiredKeyedService<NpgsqlDataSource>(WorkClass.Keeper);
        var last = (await database.QueryAsync(
            "SELECT entry FROM audit WHERE action = $1 ORDER BY id DESC LIMIT 1", r => JsonNode.Parse(r.GetString(0))!["after"],
            cancellation, SqlParameter.Create(Action))).SingleOrDefault();
        if (!JsonNode.DeepEquals(last, now))
        {
            await app.Services.GetRequiredService<AuditLog>().AppendAsync(
                Action, "settings", last?.DeepClone(), now, cancellation);
        }
    }
}
