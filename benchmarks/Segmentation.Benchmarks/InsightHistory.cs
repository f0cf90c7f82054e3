using System.Globalization;
using Segmentation.Api.Changes;

namespace Segmentation.Benchmarks;

/// <summary>
/// Active segments with a past of fourteen months that nobody had to live through: stays are drawn by a hash of the segment and the
/// customer.
/// </summary>
internal static class InsightHistory
{
    public const string Prefix = "bench-past-";

    /// <summary>Months of stays before now.</summary>
    public const int Months = 14;

    // Months that a customer stays.
    private const int Stay = 5;

    /// <summary>Makes the segments, each with its share of the customers at any time.</summary>
    /// <param name="shares">Of each segment, up to a quarter.</param>
    /// <returns>Their keys.</returns>
    public static async Task<IReadOnlyList<string>> MakeAsync(World world, IReadOnlyList<double> shares)
    {
        await StoredSegments.CleanAsync(world);
        for (var i = 0; i < shares.Count; i++)
        {
            // What they are by their rule does not matter here: nobody evaluates it.
            await world.Api.PutSegmentAsync(
                Key(i), """{"combinator":"and","rules":[{"field":"temporal.signedUpAt","operator":"notNull"}]}""");
        }

        // A revision a month and segment, in the order of time. A customer whom the hash gives to a segment is in it for five months on
        // end, which begin in one of the months or in the four before them: so a segment has its size from the first month on.
        await world.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
            BEGIN;
            CREATE TEMP TABLE shares ON COMMIT DROP AS SELECT g.id, s.share FROM segments g JOIN (VALUES {Values(shares)}) s(key, share)
                USING (key);
            INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
            SELECT id, date_trunc('month', now(), 'UTC') - (interval '1 month' * ({Months} - n)) + interval '12 hours', 1, 0, 0, 0
            FROM generate_series(0, {Months - 1}) n, shares ORDER BY n, id;
            CREATE TEMP TABLE numbered ON COMMIT DROP AS
            SELECT segment_id, id, row_number() OVER (PARTITION BY segment_id ORDER BY id) - 1 AS n FROM membership_batches;
            INSERT INTO memberships (segment_id, customer_key, joined_batch, joined_cause, left_batch, left_cause)
            SELECT h.id, h.key, j.id, {(int)MembershipCause.Event}, l.id,
                CASE WHEN l.id IS NOT NULL THEN {(int)MembershipCause.Event} END
            FROM (
                SELECT s.id, c.key, (hashint8extended(c.key, s.id + 1000000) & 1048575) % {Months + Stay - 1} - {Stay - 1} AS n
                FROM shares s JOIN customers c ON (hashint8extended(c.key, s.id) & 1048575)
                    < s.share * 1048576 * {Months + Stay - 1} / {Stay}
            ) h
            JOIN numbered j ON j.segment_id = h.id AND j.n = greatest(h.n, 0)
            LEFT JOIN numbered l ON l.segment_id = h.id AND l.n = h.n + {Stay}
            ORDER BY h.id, j.id, h.key;
            COMMIT
            """));
        await world.ExecuteAsync("VACUUM (ANALYZE) memberships");
        await world.ExecuteAsync("ANALYZE membership_batches");
        World.Log($"{shares.Count} segments with a past: {await world.ScalarAsync("SELECT count(*) FROM memberships"):N0} stays");
        return [.. shares.Select((_, i) => Key(i))];
    }

    private static string Values(IReadOnlyList<double> shares) =>
        string.Join(", ", shares.Select((s, i) => string.Create(CultureInfo.InvariantCulture, $"('{Key(i)}', {s})")));

    private static string Key(int i) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{i:000}");
}
