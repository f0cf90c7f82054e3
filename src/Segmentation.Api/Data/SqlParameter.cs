using Npgsql;
using NpgsqlTypes;

namespace Segmentation.Api.Data;

/// <summary>Makes positional parameters of statements that are not EF Core's.</summary>
internal static class SqlParameter
{
    /// <summary>A parameter whose PostgreSQL type follows from its .NET type.</summary>
    public static NpgsqlParameter Create<T>(T value) => new NpgsqlParameter<T> { TypedValue = value };

    /// <summary>A parameter of a given PostgreSQL type.</summary>
    public static NpgsqlParameter Create<T>(T value, NpgsqlDbType type) =>
        new NpgsqlParameter<T> { TypedValue = value, NpgsqlDbType = type };
}
