using System.Runtime.CompilerServices;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Benchmarks;

/// <summary>What every section works with.</summary>
internal sealed record World(Options Options, string ConnectionString, ApiProcess Api, NpgsqlDataSource Plain)
{
    /// <summary>A connection with the settings that the API's own have (Setup.cs).</summary>
    public static NpgsqlDataSource PlainSource(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            CommandTimeout = 0,
            Timezone = "UTC",
            MaxAutoPrepare = 200,
            Options = "-c plan_cache_mode=force_custom_plan -c jit=off -c work_mem=64MB",
        };
        return NpgsqlDataSource.Create(settings.ConnectionString);
    }

    public static void Log(string text) => Console.Error.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {text}");

    public void CheckSame(long ours, long theirs, string what, [CallerFilePath] string? file = null)
    {
        if (ours != theirs)
        {
            throw new InvalidOperationException($"{what}: the API says {ours}, the SQL by hand {theirs} ({Path.GetFileName(file)}).");
        }
    }

    public async Task<long> ScalarAsync(string sql)
    {
        await using var command = Plain.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }
}
