using System.Net.Sockets;
using Npgsql;

namespace Segmentation.Api.Memberships;

/// <summary>Why a rebuild failed, as the API says it: without any data.</summary>
internal static class RebuildError
{
    /// <param name="limit">How long a build may take.</param>
    public static string Describe(Exception failed, TimeSpan limit) => failed switch
    {
        TimeoutException => FormattableString.Invariant($"It took longer than Limits:BuildMinutes ({limit.TotalMinutes:0.##}) ")
            + "and was stopped. Narrow the rule: a shorter time, fewer events.",
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => "The statement was stopped.",
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "The database's disk is full.",
        PostgresException postgres => $"The database refused it (SQLSTATE {postgres.SqlState}).",
        NpgsqlException or SocketException or IOException => "The database could not be reached.",
        _ => "The service failed; its log says why.",
    };
}
