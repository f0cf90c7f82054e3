using Segmentation.Api.Customers;
using Segmentation.Api.Endpoints.OpenApi;

namespace Segmentation.Local;

/// <summary>An import of the sample that rejected a line, so that there is something to see.</summary>
internal static class SampleImport
{
    public static ImportJob Create(DateTimeOffset now) => new()
    {
        Id = SwaggerExamples.Import,
        State = ImportState.Completed,
        Csv = true,
        Received = 2,
        Created = 1,
        Rejected = 1,
        Kept = 1,
        Header = ["id", "email", "demographic.birthDate"],
        CreatedAt = now,
        StartedAt = now,
        FinishedAt = now,
        AliveAt = now,
    };

    public static ImportRejection Reject() => new()
    {
        ImportId = SwaggerExamples.Import,
        Line = 3,
        Message = "demographic.birthDate (column 3) must be a date. The day is first: send 1990-05-13.",
        Record = "john-doe,john@example.com,13.05.1990"u8.ToArray(),
        IsReadable = true,
        CustomerId = "john-doe",
    };
}
