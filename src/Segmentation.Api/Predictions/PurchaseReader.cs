using System.Runtime.InteropServices;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Models.Purchases;

namespace Segmentation.Api.Predictions;

/// <summary>Reads what lifetime value is fitted on: each customer's days with an order, and their amounts.</summary>
internal sealed class PurchaseReader(SegmentationDb db, RevenueOptions revenue, PredictionOptions options)
{
    private const NpgsqlDbType Texts = NpgsqlDbType.Array | NpgsqlDbType.Text;

    // Days are numbers from 1970 on. In the customers' order, by their index: without it each customer's days would come apart.
    private static readonly string Days =
        $"""
        SELECT customer_key, (occurred_at AT TIME ZONE $3)::date - date '1970-01-01', coalesce(sum(amount), 0)::double precision
        FROM events WHERE type = ANY ($1) AND occurred_at < $2 AND {RestrictedCustomers.ExceptSql("customer_key")}
        GROUP BY 1, 2 ORDER BY 1, 2
        """;

    private static readonly DateOnly Epoch = new(1970, 1, 1);

    /// <summary>The day of the first order; null where there is none up to a day.</summary>
    public async Task<DateOnly?> FindFirstDayAsync(DateOnly asOf, CancellationToken cancellation)
    {
        var first = await db.QueryAsync(
            "SELECT min(occurred_at) FROM events WHERE type = ANY ($1) AND occurred_at < $2",
            row => row.IsDBNull(0) ? (DateTimeOffset?)null : row.GetFieldValue<DateTimeOffset>(0), cancellation,
            SqlParameter.Create(revenue.OrderTypes, Texts), SqlParameter.Create(options.FindEnd(asOf), NpgsqlDbType.TimestampTz));
        return first.Single() is { } at ? options.FindDay(at) : null;
    }

    /// <summary>Reads.</summary>
    /// <param name="asOf">The last day.</param>
    /// <param name="holdoutDays">How many of the last days the back-test does not know.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<PurchaseData> ReadAsync(DateOnly asOf, int holdoutDays, CancellationToken cancellation)
    {
        var end = SqlParameter.Create(options.FindEnd(asOf), NpgsqlDbType.TimestampTz);
        var refunded = await db.QueryAsync(
            "SELECT coalesce(sum(abs(amount)), 0)::double precision FROM events WHERE type = ANY ($1) AND occurred_at < $2 AND "
                + RestrictedCustomers.ExceptSql("customer_key"),
            row => row.GetDouble(0), cancellation, SqlParameter.Create(revenue.RefundTypes, Texts), end.Clone());
        var last = asOf.DayNumber - Epoch.DayNumber;
        var data = new PurchaseData(last - holdoutDays, last, options.MaximumSilence, refunded.Single());
        await using var command = new NpgsqlCommand(Days, (NpgsqlConnection)db.Database.GetDbConnection());
        command.Parameters.AddRange(new[]
        {
            SqlParameter.Create(revenue.OrderTypes, Texts), end, SqlParameter.Create(options.TimeZone, NpgsqlDbType.Text),
        });
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var (customer, days) = (0L, new List<(int Day, double Amount)>());
        while (await reader.ReadAsync(cancellation))
        {
            if (reader.GetInt64(0) is var key && key != customer)
            {
                data.Add(CollectionsMarshal.AsSpan(days));
                customer = key;
                days.Clear();
            }

            days.Add((reader.GetInt32(1), reader.GetDouble(2)));
        }

        data.Add(CollectionsMarshal.AsSpan(days));
        return data;
    }
}

/// <summary>Customers' days with an order, added up: as of the last day, and as of where a back-test begins.</summary>
/// <param name="cut">The last day that the back-test knows, from 1970.</param>
/// <param name="last">The last day.</param>
/// <param name="recentDays">How many days before it are recent.</param>
/// <param name="refunded">What was refunded.</param>
internal sealed class PurchaseData(int cut, int last, int recentDays, double refunded)
{
    private const double Week = LifetimeValueModel.Week;

    private double products, repeats, means, squaredRepeats, squaredMeans;

    public Dictionary<PurchaseHistory, long> Histories { get; } = [];

    /// <summary>Of those with an amount after their first day: how many, and their mean.</summary>
    public List<(double Count, double Mean)> Spends { get; } = [];

    public List<BackTestCustomer> Earlier { get; } = [];

    /// <summary>Days with an order of the customers of the back-test, by the day after its cut.</summary>
    public long[] OrdersByDay { get; } = new long[last - cut];

    public long Customers { get; private set; }
    public long Repeating { get; private set; }
    public long Orders { get; private set; }
    public long RecentOrders { get; private set; }
    public double Gross { get; private set; }
    public double Refunded => refunded;
    public DateOnly First { get; private set; } = DateOnly.MaxValue;

    /// <summary>The share of amounts that stays: 0 where more was refunded than came in.</summary>
    public double NetFactor => Gross > 0 ? Math.Clamp(1 - (refunded / Gross), 0, 1) : 1;

    /// <summary>Of repeated orders and mean amounts; 0 where either is always the same.</summary>
    public double Correlation
    {
        get
        {
            double n = Spends.Count;
            var variances = ((squaredRepeats * n) - (repeats * repeats)) * ((squaredMeans * n) - (means * means));
            return variances > 0 ? ((products * n) - (repeats * means)) / Math.Sqrt(variances) : 0;
        }
    }

    /// <summary>Adds a customer.</summary>
    /// <param name="days">In order, each once; none is no customer.</param>
    public void Add(ReadOnlySpan<(int Day, double Amount)> days)
    {
        if (days.IsEmpty)
        {
            return;
        }

        var known = 0;
        while (known < days.Length && days[known].Day <= cut)
        {
            known++;
        }

        Customers++;
        Repeating += days.Length > 1 ? 1 : 0;
        Orders += days.Length;
        var first = DateOnly.FromDayNumber(days[0].Day + DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber);
        First = first < First ? first : First;
        double later = 0;
        for (var i = 0; i < days.Length; i++)
        {
            Gross += days[i].Amount;
            RecentOrders += days[i].Day > last - recentDays ? 1 : 0;
            if (known > 0 && i >= known)
            {
                later += days[i].Amount;
                OrdersByDay[days[i].Day - cut - 1]++;
            }
        }

        CollectionsMarshal.GetValueRefOrAddDefault(Histories, Describe(days, last), out _)++;
        if (Average(days) is ( > 0 and var count, var mean))
        {
            Spends.Add((count, mean));
            double x = days.Length - 1;
            (products, repeats, means) = (products + (x * mean), repeats + x, means + mean);
            (squaredRepeats, squaredMeans) = (squaredRepeats + (x * x), squaredMeans + (mean * mean));
        }

        if (known > 0)
        {
            var (paid, average) = Average(days[..known]);
            Earlier.Add(new BackTestCustomer(Describe(days[..known], cut), paid, average, days.Length - known, later));
        }
    }

    private static PurchaseHistory Describe(ReadOnlySpan<(int Day, double Amount)> days, int now) =>
        new(days.Length - 1, (days[^1].Day - days[0].Day) / Week, (now - days[0].Day) / Week);

    private static (int Count, double Mean) Average(ReadOnlySpan<(int Day, double Amount)> days)
    {
        var (count, sum) = (0, 0.0);
        foreach (var (_, amount) in days[1..])
        {
            (count, sum) = amount > 0 ? (count + 1, sum + amount) : (count, sum);
        }

        return (count, count == 0 ? 0 : sum / count);
    }
}
