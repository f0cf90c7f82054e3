using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>How long PostgreSQL's plans are for.</summary>
internal static class Plans
{
    /// <summary>The first statement of a transaction that finds its rows by their keys: of each of its statements a connection has one plan
    /// for all values, where others are planned for the values at hand. Planning such statements takes longer than they run.</summary>
    public static NpgsqlBatchCommand MakeOnce() => new("SET LOCAL plan_cache_mode = force_generic_plan");
}
