using System.Data;
using System.Globalization;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Segmentation.Api.Http;

namespace Segmentation.Api.Data;

/// <summary>
/// What a scope does: the request at hand, of one class after the other, or a task of the service's own. Its connections, and those of its
/// <see cref="SegmentationDb"/>, are those of its class.
/// </summary>
public sealed class Work : IDisposable
{
    // Whoever sends or reads many lines keeps a place of few. He may be slow at the beginning.
    private static readonly TimeSpan LineGrace = TimeSpan.FromSeconds(10);

    private readonly WorkClasses classes;
    private readonly Rates rates;
    private readonly Limits limits;
    private readonly DataSources sources;
    private HttpContext? request;
    private Sender? sender;
    private List<Rates.Bucket>? charged;
    private IDisposable? place;
    private SegmentationDb? db;

    internal Work(WorkClasses classes, Rates rates, Limits limits, DataSources sources) =>
        (this.classes, this.rates, this.limits, this.sources) = (classes, rates, limits, sources);

    /// <summary>What it is now.</summary>
    public WorkClass Class { get; private set; } = WorkClass.Keeper;

    /// <summary>Connections for it.</summary>
    public NpgsqlDataSource Source => sources[Class];

    /// <summary>Says what a task of the service's own is. It takes no place from requests.</summary>
    public void Begin(WorkClass work)
    {
        Class = work;
        Connect();
    }

    /// <summary>Says what a request is. It has no place yet.</summary>
    /// <param name="from">Whom it is from; null where senders are not told apart, and no rates hold.</param>
    internal void Begin(WorkClass work, HttpContext context, Sender? from)
    {
        (request, sender) = (context, from);
        Begin(work);
    }

    /// <summary>Counts a request for a rate, once.</summary>
    /// <param name="tokens">How many it costs. Given for a rate that was charged before, these are added.</param>
    /// <exception cref="ApiProblem">429: its sender has no more.</exception>
    public void Charge(RateName name, int? tokens = null)
    {
        if (request is null || sender is null || tokens == 0)
        {
            return;
        }

        var bucket = new Rates.Bucket(name, sender.Id, name == RateName.Default ? sender.Rate ?? limits.Rates.Default : limits.Rates[name]);
        if (charged is null)
        {
            charged = [];
            request.Response.OnStarting(() =>
            {
                rates.Show(charged, request.Response.Headers);
                return Task.CompletedTask;
            });
        }

        if (!charged.Contains(bucket))
        {
            charged.Add(bucket);
        }
        else if (tokens is null)
        {
            return;
        }

        if (rates.Take(bucket, tokens ?? 1) is { } seconds)
        {
            throw new ApiProblem(
                StatusCodes.Status429TooManyRequests,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Requests come faster than the rate \"{bucket.Label}\" allows: {bucket.Rate.PerSecond:0.###} a second, "
                    + $"{bucket.Rate.Burst} at once. Try again in {seconds} s."))
            {
                RetryAfter = seconds,
            };
        }
    }

    /// <summary>
    /// Gives up the request's place, where it has one, and takes one of the class, where need be after waiting for it. Not in a
    /// transaction. A task of the service's own has no place, and stays what it is.
    /// </summary>
    /// <exception cref="ApiProblem">429: the key has too many under way; 503: the process has.</exception>
    public async Task EnterAsync(WorkClass work, CancellationToken cancellation)
    {
        if (request is null)
        {
            return;
        }

        Leave();
        if (work is WorkClass.Heavy or WorkClass.Export)
        {
            Charge(work == WorkClass.Heavy ? RateName.Heavy : RateName.Transfer);
        }

        Begin(work);
        place = await classes.EnterAsync(work, sender?.Id, cancellation);

        // Of HTTP/2 the server's own rate holds, of all that a connection has.
        if (work is WorkClass.Bulk or WorkClass.Export && HttpProtocol.IsHttp11(request.Request.Protocol))
        {
            var rate = new MinDataRate(limits.LineBytesPerSecond, LineGrace);
            request.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = rate;
            request.Features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = rate;
        }
    }

    /// <summary>The same where the request was taken for a <see cref="WorkClass.Point"/> until now; else it stays what it is.</summary>
    /// <inheritdoc cref="EnterAsync"/>
    public Task MoveAsync(WorkClass work, CancellationToken cancellation) =>
        Class == WorkClass.Point ? EnterAsync(work, cancellation) : Task.CompletedTask;

    /// <summary>Gives up the place.</summary>
    public void Leave()
    {
        place?.Dispose();
        place = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Leave();

    /// <summary>Has a context use the connections of this work.</summary>
    internal SegmentationDb Connect(SegmentationDb context)
    {
        db = context;

        // One that was left open, or whose beginning of a transaction failed, is counted as open even after it came back from the pool.
        db.GetService<IRelationalConnection>().Dispose();
        db.Database.SetDbConnection(Source.CreateConnection(), contextOwnsConnection: true);
        return context;
    }

    private void Connect()
    {
        // Of one that is open the transaction goes on, by the limits that it began with.
        if (db is not null && db.Database.GetDbConnection().State == ConnectionState.Closed)
        {
            Connect(db);
        }
    }
}
