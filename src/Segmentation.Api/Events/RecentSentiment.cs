using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Models.Feedback;

namespace Segmentation.Api.Events;

/// <summary>
/// What a customer's latest feedback adds up to, stored with the customer: when each of the latest five with a sentiment happened, and the
/// mean from the latest to it. Whichever of them are of the last 365 days, their mean is one of these.
/// </summary>
internal static class RecentSentiment
{
    /// <summary>How many count.</summary>
    public const int Count = 5;

    /// <summary>Days that they may be old.</summary>
    public const int Days = 365;

    /// <summary>What the change log calls the sentiments of a customer's events.</summary>
    public const string OfEvents = $"{nameof(Customer.Events)}.{nameof(CustomerEvent.Sentiment)}";

    /// <summary>What it is told of a customer whose events have other sentiments. Each rule over the means reads the first one's time.
    /// </summary>
    public static readonly IReadOnlyList<string> Changed = [nameof(Customer.SentimentAt1), OfEvents];

    /// <summary>Rows with <c>customer_key</c> and the columns, each customer's.</summary>
    /// <param name="events">Rows with <c>customer_key</c>, <c>occurred_at</c> and <c>sentiment</c>, none of them null: at least the latest
    /// five of each customer. Of one instant the better comes first, so that the order is the same everywhere.</param>
    public static string Sql(string events) =>
        $"""
        SELECT customer_key, {Columns(n => $"max(at) FILTER (WHERE n = {n}) AS at{n}, max(mean) FILTER (WHERE n = {n}) AS mean{n}")}
        FROM (
            SELECT customer_key, occurred_at AS at, row_number() OVER latest AS n,
                round(avg(sentiment) OVER (latest ROWS UNBOUNDED PRECEDING), {SentimentScale.Decimals}) AS mean
            FROM ({events}) AS felt
            WINDOW latest AS (PARTITION BY customer_key ORDER BY occurred_at DESC, sentiment DESC)) AS numbered
        WHERE n <= {Count} GROUP BY customer_key
        """;

    /// <summary>The latest five of a customer that are stored.</summary>
    /// <param name="key">The customer's key.</param>
    public static string StoredSql(string key) =>
        $"""
        SELECT e.customer_key, e.occurred_at, e.sentiment FROM events e WHERE e.customer_key = {key} AND e.sentiment IS NOT NULL
        ORDER BY e.occurred_at DESC, e.sentiment DESC LIMIT {Count}
        """;

    /// <summary>Sets the columns of a customer.</summary>
    /// <param name="recent">A row of <see cref="Sql"/>; where it may be missing, <paramref name="before"/> stays.</param>
    /// <param name="before">The customer; null to set what the row has.</param>
    public static string SetSql(string recent, string? before)
    {
        return Columns(n => $"{Set($"at{n}")}, {Set($"mean{n}")}");

        string Set(string column)
        {
            var value = $"{recent}.{column}";
            return $"sentiment_{column} = {(before is null ? value : $"coalesce({value}, {before}.sentiment_{column})")}";
        }
    }

    /// <summary>The same for a customer in memory.</summary>
    /// <param name="events">All of its events.</param>
    public static void Set(Customer customer, IReadOnlyCollection<CustomerEvent> events, FeedbackOptions options)
    {
        customer.LastFeedbackAt = events.Where(e => Array.IndexOf(options.EventTypes, e.Type) >= 0)
            .Max(e => (DateTimeOffset?)e.OccurredAt);
        var latest = events.Where(e => e.Sentiment is not null).OrderByDescending(e => e.OccurredAt).ThenByDescending(e => e.Sentiment)
            .Take(Count).ToList();
        var all = Enumerable.Range(1, Count).Select(n => n > latest.Count
            ? default
            : (At: (DateTimeOffset?)latest[n - 1].OccurredAt, Mean: Data.Exact.RoundSentiment(latest.Take(n).Average(e => e.Sentiment))))
            .ToList();
        (customer.SentimentAt1, customer.SentimentMean1) = all[0];
        (customer.SentimentAt2, customer.SentimentMean2) = all[1];
        (customer.SentimentAt3, customer.SentimentMean3) = all[2];
        (customer.SentimentAt4, customer.SentimentMean4) = all[3];
        (customer.SentimentAt5, customer.SentimentMean5) = all[4];
    }

    /// <summary>The mean of a customer's latest five of the last 365 days; null without any.</summary>
    public static decimal? Find(Customer c, DateTimeOffset now)
    {
        var since = now.AddDays(-Days);
        return c.SentimentAt5 > since ? c.SentimentMean5
            : c.SentimentAt4 > since ? c.SentimentMean4
            : c.SentimentAt3 > since ? c.SentimentMean3
            : c.SentimentAt2 > since ? c.SentimentMean2
            : c.SentimentAt1 > since ? c.SentimentMean1
            : null;
    }

    private static string Columns(Func<int, string> column) => string.Join(", ", Enumerable.Range(1, Count).Select(column));

    /// <summary>SQL that reckons customers' sentiments anew from their events, and appends them to the change log.</summary>
    /// <remarks>Its parameter is their keys.</remarks>
    public static string RewriteSql(MembershipCause cause) =>
        $"""
        WITH touched AS (SELECT unnest($1) AS key),
        recent AS ({Sql($"SELECT l.* FROM touched t CROSS JOIN LATERAL ({StoredSql("t.key")}) AS l")}),
        means AS (
            UPDATE customers c SET {SetSql("r", null)}
            FROM touched t LEFT JOIN recent r ON r.customer_key = t.key WHERE c.key = t.key)
        {ChangeLog.AppendMembersSql(cause, Changed, "touched")}
        """;
}
