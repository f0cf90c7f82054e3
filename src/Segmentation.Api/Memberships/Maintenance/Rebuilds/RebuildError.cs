using System.Net.Sockets;
using Npgsql;

namespace Segmentation.Api.Memberships;

/// <summary>Why a rebuild failed, as the API says it: without any data.</summary>
internal static class RebuildError
{
    public static string Describe(Exception failed) => failed switch
    {
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => "The statement was stopped.",
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "The database's disk is full.",
        PostgresException postgres => $"The database refused it (SQLSTATE {postgres.SqlState}).",
        NpgsqlException or SocketException or IOException => "The database could not be reached.",
        _ => "The service failed; its log says why.",
    };
}
