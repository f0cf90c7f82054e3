using System.Runtime.CompilerServices;
using Npgsql;

namespace Segmentation.Benchmarks;

/// <summary>What every section uses.</summary>
internal sealed record World(Options Options, string ConnectionString, ApiProcess Api, NpgsqlDataSource Plain)
{
    /// <summary>Connections with the settings that the API's own have (Setup.cs).</summary>
    /// <param name="plans">Whether plans are made for the values at hand, or once as for stored membership (StoredMembership).</param>
    public static NpgsqlDataSource PlainSource(string connectionString, string plans = "force_custom_plan")
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            CommandTimeout = 0,
            Timezone = "UTC",
            MaxAutoPrepare = 200,
            Options = $"-c plan_cache_mode={plans} -c jit=off -c work_mem=64MB",
        };
        return NpgsqlDataSource.Create(settings.ConnectionString);
    }

    /// <summary>What was measured, for machines: costs by name.</summary>
    public Dictionary<string, double> Figures { get; } = [];

    /// <summary>
    /// How a cost grows with the number of customers: 0 not at all, 1 in proportion. It is compared with the figures beside the data of a
    /// tenth of the customers and events.
    /// </summary>
    /// <remarks>A dash where there are none, or where they were measured with other options.</remarks>
    public string Exponent(string figure) =>
        Figures.TryGetValue(figure, out var here) && Report.Smaller(Options).TryGetValue(figure, out var there) && there > 0 && here > 0
            ? Text.Ratio(Math.Log10(here / there))
            : "–";

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await Plain.OpenConnectionAsync();
        await Loader.ExecuteAsync(connection, sql);
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
