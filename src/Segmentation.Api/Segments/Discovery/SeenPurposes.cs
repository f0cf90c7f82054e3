using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Segments;

/// <summary>The purposes of consent that customers have recorded, granted or not.</summary>
public sealed class SeenPurposes
{
    // Of the customers that came last all are read; of older ones what PostgreSQL's statistics know, which is what is common.
    private const string Sql =
        """
        SELECT jsonb_object_keys(consents) FROM (SELECT consents FROM customers ORDER BY key DESC LIMIT 100000) c
        WHERE jsonb_typeof(consents) = 'object'
        UNION
        SELECT unnest(most_common_elems::text::text[]) FROM pg_stats
        WHERE schemaname = current_schema AND tablename = 'customers' AND attname = 'consents_granted'
        """;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly NpgsqlDataSource source;
    private readonly Look<IReadOnlyList<string>> look;

    public SeenPurposes([FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource source, TimeProvider time) =>
        (this.source, look) = (source, new Look<IReadOnlyList<string>>(ReadAsync, [], time));

    /// <summary>In no order. Where the customers can't be read in time, what was found before.</summary>
    public Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellation) => look.GetAsync(cancellation);

    private async Task<IReadOnlyList<string>> ReadAsync()
    {
        await using var command = source.CreateCommand(Sql);
        command.CommandTimeout = (int)Timeout.TotalSeconds;
        await using var reader = await command.ExecuteReaderAsync();
        List<string> purposes = [];
        while (await reader.ReadAsync())
        {
            purposes.Add(reader.GetString(0));
        }

        return purposes;
    }
}
