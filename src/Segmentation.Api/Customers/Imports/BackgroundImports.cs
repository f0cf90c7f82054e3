using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>
/// Takes files and imports them after the answer, one after another. A file is held by this process alone, in a file without a name: it is
/// gone when the process is, and its import is then shown as interrupted.
/// </summary>
public sealed partial class BackgroundImports(
    IServiceScopeFactory scopes, ImportJobs jobs, IOptions<BackgroundImportOptions> options, AuditLog log, TimeProvider time,
    ILogger<BackgroundImports> logger) : BackgroundService
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromHours(1);

    private readonly Channel<HeldFile> queue = Channel.CreateUnbounded<HeldFile>();
    private readonly ConcurrentDictionary<string, CancellationTokenSource> own = new(StringComparer.Ordinal);
    private int files;

    /// <summary>Takes a file, to be imported soon.</summary>
    /// <exception cref="ApiProblem">413: it is too large; 429: too many are there already; 503: it can't be held.</exception>
    public async Task<ImportJobResource> AddAsync(Stream content, ImportOptions import, CancellationToken cancellation)
    {
        // Whoever sends a file slowly takes no place: the file does, once it is there.
        CheckRoom(Volatile.Read(ref files));
        var file = await HoldAsync(content, cancellation);
        var taken = Interlocked.Increment(ref files);
        try
        {
            CheckRoom(taken - 1);
            var (now, origin) = (time.GetUtcNow(), await log.FindOriginAsync(cancellation));
            var job = new ImportJob
            {
                Id = Guid.CreateVersion7().ToString(),
                Mode = import.Mode,
                DryRun = import.DryRun,
                Csv = import.Csv,
                CreatedAt = now,
                AliveAt = now,
            };
            await using (var scope = scopes.CreateAsyncScope())
            {
                var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
                db.Add(job);
                await db.SaveChangesAsync(cancellation);
            }

            own[job.Id] = new CancellationTokenSource();
            queue.Writer.TryWrite(new HeldFile(job.Id, file, import, origin));
            return ImportJobResource.From(job, now);
        }
        catch
        {
            Interlocked.Decrement(ref files);
            await file.DisposeAsync();
            throw;
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(ImportAllAsync(stoppingToken), BeatAsync(stoppingToken));

    private void CheckRoom(int taken)
    {
        if (taken >= options.Value.MaxFiles)
        {
            throw new ApiProblem(
                StatusCodes.Status429TooManyRequests, $"{options.Value.MaxFiles} imports wait or run already. Send it when one has ended.");
        }
    }

    private async Task<FileStream> HoldAsync(Stream content, CancellationToken cancellation)
    {
        FileStream? file = null;
        try
        {
            var folder = options.Value.Directory ?? Path.GetTempPath();
            Directory.CreateDirectory(folder);
            var path = Path.Combine(folder, $"segmentation-import-{Guid.NewGuid():N}");
            file = new FileStream(
                path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 64 * 1024, FileOptions.Asynchronous);
            File.Delete(path); // What is open stays until it is closed, whatever becomes of the process.
            var buffer = new byte[64 * 1024];
            for (int read; (read = await content.ReadAsync(buffer, cancellation)) > 0;)
            {
                if (file.Position + read > options.Value.MaxFileBytes)
                {
                    throw new ApiProblem(
                        StatusCodes.Status413PayloadTooLarge,
                        $"A file in the background has at most {options.Value.MaxFileBytes / 1_000_000} MB. Send it in parts, or "
                        + "without Prefer: respond-async, which has no limit.");
                }

                await file.WriteAsync(buffer.AsMemory(0, read), cancellation);
            }

            file.Position = 0;
            return file;
        }
        catch (Exception failure)
        {
            if (file is not null)
            {
                await file.DisposeAsync();
            }

            if (failure is UnauthorizedAccessException or (IOException and not BadHttpRequestException))
            {
                LogNoRoom(failure);
                throw new ApiProblem(
                    StatusCodes.Status503ServiceUnavailable,
                    "The file can't be held here: set Imports:Directory to a folder with room, or send it without Prefer: respond-async.");
            }

            throw;
        }
    }

    private async Task ImportAllAsync(CancellationToken stopping)
    {
        await foreach (var file in queue.Reader.ReadAllAsync(stopping))
        {
            var stop = own[file.Id];
            using var both = CancellationTokenSource.CreateLinkedTokenSource(stopping, stop.Token);
            try
            {
                await ImportAsync(file, both.Token);
            }
            finally
            {
                await file.Content.DisposeAsync();
                own.TryRemove(file.Id, out _);
                stop.Dispose();
                Interlocked.Decrement(ref files);
            }
        }
    }

    private async Task ImportAsync(HeldFile file, CancellationToken cancellation)
    {
        try
        {
            if (!await jobs.StartAsync(file.Id, cancellation))
            {
                return;
            }

            await using var scope = scopes.CreateAsyncScope();
            scope.ServiceProvider.GetRequiredService<Work>().Begin(WorkClass.Bulk);
            var import = scope.ServiceProvider.GetRequiredService<CustomerImport>();
            var progress = new ImportProgress(file.Id, file.Options.Recreate);
            var result = await import.RunAsync(
                file.Content,
                file.Options,
                file.Origin,
                (counts, lines) =>
                {
                    (progress.Header, progress.Separator) = (import.Header, import.Separator);
                    return jobs.ReportAsync(progress, counts, lines, cancellation);
                },
                cancellation);
            await jobs.EndAsync(file.Id, ImportState.Completed, result.Ignored, null, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // It was canceled, which stands in its row already; or this process ends.
            await EndAsync(file.Id, ImportState.Interrupted, null);
        }
        catch (ApiProblem refused)
        {
            await EndAsync(file.Id, ImportState.Failed, refused.Summary());
        }
        catch (Exception failure)
        {
            LogFailure(failure);
            await EndAsync(file.Id, ImportState.Failed, "The service failed. The failure is in its log. What was stored before stays.");
        }
    }

    // Where the database is away nothing can be said: the import is silent, and so shown as interrupted.
    private async Task EndAsync(string id, ImportState state, string? error)
    {
        try
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await jobs.EndAsync(id, state, [], error, late.Token);
        }
        catch (Exception failure)
        {
            LogFailure(failure);
        }
    }

    private async Task BeatAsync(CancellationToken stopping)
    {
        var swept = DateTimeOffset.MinValue;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (time.GetUtcNow() - swept > SweepInterval)
                {
                    await jobs.SweepAsync(stopping);
                    swept = time.GetUtcNow();
                }

                foreach (var id in own.IsEmpty ? [] : await jobs.BeatAsync([.. own.Keys], stopping))
                {
                    if (own.TryGetValue(id, out var stop))
                    {
                        await stop.CancelAsync();
                    }
                }
            }
            catch (Exception failure) when (!stopping.IsCancellationRequested)
            {
                // Tried again at the next beat: what escapes from here would end the service.
                LogSilence(failure);
            }

            await Task.Delay(ImportJobs.Heartbeat, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(LogLevel.Error, "An import in the background failed")]
    private partial void LogFailure(Exception failure);

    [LoggerMessage(LogLevel.Warning, "Imports in the background could not be said to be alive, or old ones not be removed")]
    private partial void LogSilence(Exception failure);

    [LoggerMessage(LogLevel.Error, "A file to import can't be held")]
    private partial void LogNoRoom(Exception failure);

    private sealed record HeldFile(string Id, FileStream Content, ImportOptions Options, AuditOrigin Origin);
}
