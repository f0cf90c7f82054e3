using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;

namespace Segmentation.Api.Segments;

/// <summary>Readers of whole rows; made once, from the model.</summary>
public sealed class CustomerRowReaders
{
    // One reference: whoever else comes at the same time sees both or none.
    private Both? readers;

    public Both Get(SegmentationDb db) => readers ??= new Both(new(db), new(db), new(db));

    public sealed record Both(RowReader<Customer> Customers, RowReader<CustomerEvent> Events, RowReader<CustomerScores> Scores);
}
