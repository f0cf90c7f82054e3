using System.Collections.Concurrent;
using System.Collections.Frozen;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>A pool of connections for each class of work.</summary>
internal sealed class DataSources : IAsyncDisposable
{
    private readonly ConnectionSettings settings;
    private readonly Limits limits;
    private readonly FrozenDictionary<WorkClass, NpgsqlDataSource> sources;
    private readonly ConcurrentBag<NpgsqlDataSource> made = [];

    public DataSources(ConnectionSettings settings, Limits limits)
    {
        (this.settings, this.limits) = (settings, limits);

        // Some of the connections for single reads are those of stored membership.
        sources = Enum.GetValues<WorkClass>().ToFrozenDictionary(
            w => w,
            w => w == WorkClass.Point
                ? Create(w, limits.Point.Pool - StoredReads(limits.Point), LeaveNoState)
                : Create(w, limits[w].Pool));
    }

    public NpgsqlDataSource this[WorkClass work] => sources[work];

    /// <summary>
    /// Of the connections for single reads, how many are those that answer from stored membership. More would not be faster: each statement
    /// takes a fraction of a millisecond.
    /// </summary>
    public static int StoredReads(ClassLimits point) =>
        Math.Min(Math.Clamp(2 * Environment.ProcessorCount, 4, 32), point.Pool / 2);

    /// <summary>Connections of a class that need something else besides.</summary>
    /// <param name="pool">How many at most.</param>
    public NpgsqlDataSource Create(WorkClass work, int pool, Action<NpgsqlConnectionStringBuilder>? change = null)
    {
        var builder = settings.For(work, limits[work]);
        builder.MaxPoolSize = Math.Min(builder.MaxPoolSize, Math.Max(pool, 1));
        builder.MinPoolSize = Math.Min(builder.MinPoolSize, builder.MaxPoolSize);
        change?.Invoke(builder);
        var source = NpgsqlDataSource.Create(builder);
        made.Add(source);
        return source;
    }

    // A request for single things leaves no state on its connection; else the server would reset it each time by seven statements.
    private static void LeaveNoState(NpgsqlConnectionStringBuilder builder) => builder.NoResetOnClose = true;

    /// <summary>One connection has died: closes all that wait in a pool, and those in use when they come back.</summary>
    public void Clear()
    {
        foreach (var source in made)
        {
            source.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var source in sources.Values)
        {
            await source.DisposeAsync();
        }
    }
}
