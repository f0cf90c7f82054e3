using Microsoft.Extensions.Options;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>Records the exposures of one request, and counts what became of them.</summary>
public sealed class ExposureIngest(
    Work work, ExposureStore store, IOptions<BackgroundImportOptions> imports, TimeProvider time)
    : Ingest<ExposureResource, IncomingExposures>(work, imports, "exposure", "objects")
{
    private ProvenCustomers customers = new([]);
    private ApiProblem? unproven;
    private long recorded;
    private long duplicates;

    /// <summary>A JSON body: what one visitor has seen, or an array of it.</summary>
    /// <param name="proven">Whose exposures the sender may record.</param>
    /// <exception cref="ApiProblem">One is another customer's: none of the array is recorded, of lines none from its batch on.</exception>
    /// <inheritdoc cref="Ingest{TResource, TItem}.TakeJsonAsync"/>
    public async Task<ExposuresResult> StoreJsonAsync(
        Stream body, long? length, ProvenCustomers proven, CancellationToken cancellation)
    {
        customers = proven;
        await TakeJsonAsync(body, length, cancellation);
        return Result();
    }

    /// <summary>NDJSON of any length.</summary>
    public async Task<ExposuresResult> StoreLinesAsync(Stream body, ProvenCustomers proven, CancellationToken cancellation)
    {
        customers = proven;
        await TakeLinesAsync(body, cancellation);
        return Result();
    }

    protected override IReadOnlyList<RuleError> Check(ExposureResource sent) => [.. sent.Check(time.GetUtcNow())];

    protected override IncomingExposures Accept(ExposureResource sent, int ordinal)
    {
        unproven ??= customers.FindFault(sent.CustomerId, sent.CustomerProof);
        return sent.ToIncoming(LocalTime.Truncate(time.GetUtcNow()), ordinal);
    }

    protected override int Count(ExposureResource sent) => Math.Max(1, sent.Exposures?.Count ?? 0);

    protected override Task StoreAsync(List<IncomingExposures> batch, CancellationToken cancellation) =>
        StorePartsAsync(() => new[] { batch }.ToAsyncEnumerable(), batch.Count, cancellation);

    protected override async Task StorePartsAsync(
        Func<IAsyncEnumerable<IReadOnlyList<IncomingExposures>>> read, int count, CancellationToken cancellation)
    {
        if (unproven is not null)
        {
            throw unproven;
        }

        if (count == 0)
        {
            return;
        }

        var result = await store.StoreAsync(read, cancellation);
        (recorded, duplicates) = (recorded + result.Recorded, duplicates + result.Duplicates);
        foreach (var (ordinal, index, message) in result.Refused)
        {
            Reject(ordinal, $"/exposures/{index}", message);
        }
    }

    private ExposuresResult Result() => new(
        Received, recorded, duplicates, Rejected, [.. Faults.Select(f => new ExposureError(f.Line, f.Index, f.Pointer, f.Message))]);
}
