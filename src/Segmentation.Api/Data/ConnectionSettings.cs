using System.Globalization;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>How the service connects. (A data source doesn't give its connection string back whole: the password is missing.)</summary>
internal sealed record ConnectionSettings(string ConnectionString)
{
    /// <summary>The setting of PostgreSQL's <c>work_mem</c>.</summary>
    public const string WorkMem = "Database:WorkMem";

    public const string DefaultWorkMem = "64MB";

    /// <summary>A transaction in which nothing happens for as long is ended, and with it its locks.</summary>
    public const int IdleInTransactionSeconds = 15;

    // A statement whose client has gone is stopped, and a connection whose other end does not answer is given up.
    private const int ClientCheckSeconds = 2;
    private const int UnansweredSeconds = 30;

    // Seconds in which a connection is there, be it from the pool or a new one.
    private const int ConnectSeconds = 5;

    // The server's own limit comes first, and says what it was; this one is for a server that answers no more.
    private const int AnswerSeconds = 2;

    // A look at the data is stopped sooner than a build, by a limit of its own.
    private const int KeeperCommandSeconds = 10;

    /// <summary>The given connection string with what every connection of the service has in common.</summary>
    public static ConnectionSettings Create(string connectionString, IConfiguration configuration)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Timezone = "UTC" };
        settings.ApplicationName ??= "segmentation";
        settings.MaxAutoPrepare = settings.MaxAutoPrepare == 0 ? 200 : settings.MaxAutoPrepare;

        // Plans are made for the values at hand: a list of a thousand is hashed, a rare value gets its index. Compiling machine code for a
        // plan costs more than these plans run.
        var workMem = configuration.GetValue(WorkMem, DefaultWorkMem).Replace(" ", "", StringComparison.Ordinal);
        settings.Options = $"{settings.Options} -c plan_cache_mode=force_custom_plan -c jit=off -c work_mem={workMem}".Trim();
        return new ConnectionSettings(settings.ConnectionString);
    }

    /// <summary>
    /// The connections of a class: the server holds its limits of time, whatever becomes of the statement's sender. One that the given
    /// connection string's own <c>Options</c> set is left as it is there.
    /// </summary>
    public NpgsqlConnectionStringBuilder For(WorkClass work, ClassLimits limits)
    {
        var settings = new NpgsqlConnectionStringBuilder(ConnectionString);
        settings.MaxPoolSize = Math.Min(settings.MaxPoolSize, limits.Pool);
        settings.MinPoolSize = Math.Min(settings.MinPoolSize, settings.MaxPoolSize);
        settings.Timeout = work switch
        {
            WorkClass.Keeper => settings.Timeout,
            WorkClass.Health => 1,
            _ => Math.Min(settings.Timeout, ConnectSeconds),
        };
        settings.CommandTimeout = work == WorkClass.Keeper ? KeeperCommandSeconds : limits.StatementSeconds + AnswerSeconds;
        List<(string Name, int Milliseconds)> server =
        [
            ("statement_timeout", 1000 * limits.StatementSeconds),
            ("lock_timeout", 1000 * limits.LockSeconds),
            ("idle_in_transaction_session_timeout", 1000 * IdleInTransactionSeconds),
        ];
        if (!OperatingSystem.IsWindows()) // A server there, most likely on the same machine, refuses these two.
        {
            server.AddRange(
                [("client_connection_check_interval", 1000 * ClientCheckSeconds), ("tcp_user_timeout", 1000 * UnansweredSeconds)]);
        }

        foreach (var (name, milliseconds) in server)
        {
            if (settings.Options?.Contains(name, StringComparison.Ordinal) != true)
            {
                settings.Options += string.Create(CultureInfo.InvariantCulture, $" -c {name}={milliseconds}");
            }
        }

        return settings;
    }
}
