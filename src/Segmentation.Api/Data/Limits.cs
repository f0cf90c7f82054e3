using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Segmentation.Api.Data;

/// <summary>How much of everything there may be: the configuration section <c>Limits</c>.</summary>
public sealed class Limits
{
    /// <summary>The configuration section's name.</summary>
    public const string Section = "Limits";

    /// <summary>Connections of the database that are left to others: its administrator, backups, another program.</summary>
    public const int LeftToOthers = 10;

    /// <summary>Each webhook has a place of its own among the deliveries at once: more could not be fair.</summary>
    public const int MaxWebhooks = 100;

    // What a heavy statement costs is PostgreSQL's processors. A number that follows this machine's without end would ask more
    // connections than a PostgreSQL has by default.
    private static readonly int HeavyAtOnce = Math.Min(2 * Environment.ProcessorCount, 16);

    [Description("Connections of clients at once. One more is closed.")]
    [Range(10, 1_000_000)]
    public int MaxConnections { get; init; } = 5000;

    [Description("Seconds in which a request's headers must be there.")]
    [Range(1, 600)]
    public int HeaderSeconds { get; init; } = 15;

    [Description("Bytes of a request's headers; more are a 431.")]
    [Range(8192, 1_048_576)]
    public int HeaderBytes { get; init; } = 32 * 1024;

    [Description("Bytes of a request's first line, with its address; more are a 414.")]
    [Range(1024, 65_536)]
    public int UrlBytes { get; init; } = 8 * 1024;

    [Description("Bytes a second that a client must send or read, after 5 seconds; else it is a 408, or the connection is closed.")]
    [Range(1, 1_000_000)]
    public int BytesPerSecond { get; init; } = 1000;

    [Description("The same for imports, lines and downloads, after 10 seconds.")]
    [Range(1, 1_000_000)]
    public int LineBytesPerSecond { get; init; } = 8000;

    [Description("Segments there may be, drafts and archived ones too; one more is a 409.")]
    [Range(1, 100_000)]
    public int Segments { get; init; } = 10_000;

    [Description("Versions of a segment or a playbook that are kept; the oldest go.")]
    [Range(1, 100_000)]
    public int Versions { get; init; } = 500;

    [Description("Registered attributes there may be.")]
    [Range(1, 1_400)]
    public int Attributes { get; init; } = 500;

    [Description("Registered purposes of consents there may be.")]
    [Range(1, 1_000)]
    public int Purposes { get; init; } = 200;

    [Description("Metrics there may be, beside those that are built in.")]
    [Range(1, 100_000)]
    public int Metrics { get; init; } = 1_000;

    [Description("Experiments there may be, drafts and archived ones too.")]
    [Range(1, 100_000)]
    public int Experiments { get; init; } = 1_000;

    [Description("Placements there may be.")]
    [Range(1, 10_000)]
    public int Placements { get; init; } = 200;

    [Description("Active playbooks there may be.")]
    [Range(1, 10_000)]
    public int ActivePlaybooks { get; init; } = 200;

    [Description("Plays of a playbook.")]
    [Range(1, 1_000)]
    public int PlaybookPlays { get; init; } = 50;

    [Description("Plays of all active playbooks together.")]
    [Range(1, 100_000)]
    public int ActivePlays { get; init; } = 1_000;

    [Description("Bytes of what a play or a placement shows.")]
    [Range(1, 1_048_576)]
    public int ContentBytes { get; init; } = 16 * 1024;

    [Description("Bytes of a playbook.")]
    [Range(1, 1_048_576)]
    public int PlaybookBytes { get; init; } = 256 * 1024;

    [Description("Webhooks there may be.")]
    [Range(1, MaxWebhooks)]
    public int Webhooks { get; init; } = MaxWebhooks;

    [Description("API keys there may be that are neither expired nor revoked.")]
    [Range(1, 100_000)]
    public int Keys { get; init; } = 1000;

    [Description("Minutes that building a segment may take. Then it is failed, and tried again after 10, 20, 40 minutes and so on.")]
    [Range(1, 1440)]
    public int BuildMinutes { get; init; } = 10;

    [Description("Rows that PostgreSQL may expect to read in nested loops, for a rule to be previewed; more are a 400.")]
    [Range(1, 1e18)]
    public double PlanRows { get; init; } = 1e10;

    [ValidateObjectMembers]
    public ClassLimits Point { get; init; } = new()
    {
        AtOnce = 64,
        Waiting = 256,
        WaitSeconds = 2,
        PerKey = 32,
        StatementSeconds = 5,
        LockSeconds = 2,
        Pool = 40,
    };

    [ValidateObjectMembers]
    public ClassLimits Heavy { get; init; } = new()
    {
        AtOnce = HeavyAtOnce,
        Waiting = 16,
        WaitSeconds = 5,
        PerKey = Math.Max(HeavyAtOnce / 2, 1),
        StatementSeconds = 30,
        LockSeconds = 2,
        Pool = HeavyAtOnce,
    };

    [ValidateObjectMembers]
    public ClassLimits Bulk { get; init; } = new()
    {
        AtOnce = 4,
        Waiting = 8,
        WaitSeconds = 10,
        PerKey = 2,
        StatementSeconds = 60,
        LockSeconds = 10,
        Pool = 4,
    };

    [ValidateObjectMembers]
    public ClassLimits Export { get; init; } = new()
    {
        AtOnce = 4,
        Waiting = 0,
        WaitSeconds = 0,
        PerKey = 2,
        StatementSeconds = 60,
        LockSeconds = 10,
        Pool = 4,
    };

    [ValidateObjectMembers]
    public ClassLimits Stream { get; init; } = new()
    {
        AtOnce = 2000,
        Waiting = 0,
        WaitSeconds = 0,
        PerKey = 100,
        StatementSeconds = 10,
        LockSeconds = 2,
        Pool = 2,
    };

    [ValidateObjectMembers]
    public ClassLimits Keeper { get; init; } = new()
    {
        AtOnce = 8,
        Waiting = 0,
        WaitSeconds = 0,
        PerKey = 8,
        StatementSeconds = 600,
        LockSeconds = 600,
        Pool = 10,
    };

    [ValidateObjectMembers]
    public ClassLimits Health { get; init; } = new()
    {
        AtOnce = 2,
        Waiting = 0,
        WaitSeconds = 0,
        PerKey = 2,
        StatementSeconds = 1,
        LockSeconds = 1,
        Pool = 2,
    };

    [ValidateObjectMembers]
    public RateLimits Rates { get; init; } = new();

    /// <summary>The limits of a class.</summary>
    public ClassLimits this[WorkClass work] => work switch
    {
        WorkClass.Point => Point,
        WorkClass.Heavy => Heavy,
        WorkClass.Bulk => Bulk,
        WorkClass.Export => Export,
        WorkClass.Stream => Stream,
        WorkClass.Keeper => Keeper,
        WorkClass.Health => Health,
        _ => throw new ArgumentOutOfRangeException(nameof(work)),
    };

    /// <summary>Whether the pools are too many for a server; null where they are not.</summary>
    /// <param name="maxConnections">The server's <c>max_connections</c>.</param>
    /// <param name="besides">Connections of the service that no pool has.</param>
    public string? FindFault(int maxConnections, int besides)
    {
        var needed = Connections + besides;
        return needed <= maxConnections - LeftToOthers ? null
            : $"The service has up to {needed} connections, and PostgreSQL's max_connections is {maxConnections}, of which {LeftToOthers} "
                + $"are left to others. Raise max_connections to {needed + LeftToOthers}, or lower a {Section}:CLASS:Pool: "
                + string.Join(", ", Enum.GetValues<WorkClass>().Select(c => $"{c} {this[c].Pool}")) + ".";
    }

    /// <summary>Connections of all classes together, at most.</summary>
    public int Connections => Enum.GetValues<WorkClass>().Sum(c => this[c].Pool);
}

/// <summary>The limits of one class of work, in a process.</summary>
public sealed class ClassLimits
{
    [Description("Requests at once. One more waits, or is a 503.")]
    [Range(1, 100_000)]
    public int AtOnce { get; init; }

    [Description("Requests that may wait for one to end.")]
    [Range(0, 100_000)]
    public int Waiting { get; init; }

    [Description("For how many seconds they wait, then to get a 503.")]
    [Range(0, 600)]
    public int WaitSeconds { get; init; }

    [Description("Requests at once of one key; one more is a 429.")]
    [Range(1, 100_000)]
    public int PerKey { get; init; }

    [Description("After so many seconds PostgreSQL itself stops a statement; the answer is a 504.")]
    [Range(1, 86_400)]
    public int StatementSeconds { get; init; }

    [Description("After so many seconds PostgreSQL stops a statement that waits for a lock; the answer is a 503.")]
    [Range(1, 86_400)]
    public int LockSeconds { get; init; }

    [Description("Connections at most.")]
    [Range(1, 10_000)]
    public int Pool { get; init; }
}
