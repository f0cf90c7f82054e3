using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>How the service connects. (A data source doesn't give its connection string back whole: the password is missing.)</summary>
internal sealed record ConnectionSettings(string ConnectionString)
{
    /// <summary>The setting of how long a statement may take, in seconds.</summary>
    public const string StatementTimeout = "Database:StatementTimeoutSeconds";

    /// <summary>The setting of PostgreSQL's <c>work_mem</c>.</summary>
    public const string WorkMem = "Database:WorkMem";

    public const int DefaultStatementTimeout = 30;
    public const string DefaultWorkMem = "64MB";

    /// <summary>The given connection string with what every connection of the service has in common.</summary>
    public static ConnectionSettings Create(string connectionString, IConfiguration configuration)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            CommandTimeout = configuration.GetValue(StatementTimeout, DefaultStatementTimeout),
            Timezone = "UTC",
        };
        settings.ApplicationName ??= "segmentation";
        settings.MaxAutoPrepare = settings.MaxAutoPrepare == 0 ? 200 : settings.MaxAutoPrepare;

        // Plans are made for the values at hand: a list of a thousand is hashed, a rare value gets its index. Compiling machine code for a
        // plan costs more than these plans run.
        var workMem = configuration.GetValue(WorkMem, DefaultWorkMem).Replace(" ", "", StringComparison.Ordinal);
        settings.Options = $"{settings.Options} -c plan_cache_mode=force_custom_plan -c jit=off -c work_mem={workMem}".Trim();
        return new ConnectionSettings(settings.ConnectionString);
    }
}
