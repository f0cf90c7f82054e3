using System.Text.Json;
using Npgsql;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>Sends what was seen over HTTP.</summary>
internal static class ExposureApi
{
    /// <summary>Sends it.</summary>
    /// <param name="body">One object, or an array.</param>
    /// <returns>How many were recorded, were there already, and were rejected.</returns>
    public static async Task<(int Recorded, int Duplicates, int Rejected)> SeeAsync(this Api api, string body)
    {
        var answer = (await api.PostAsync("exposures", body)).Expect(200);
        var (recorded, duplicates, rejected) = (
            answer["recorded"].GetInt32(), answer["duplicates"].GetInt32(), answer["rejected"].GetInt32());
        Assert.Equal(answer["received"].GetInt32(), recorded + duplicates + rejected);
        return (recorded, duplicates, rejected);
    }

    /// <summary>Sends exposures of a visitor.</summary>
    public static Task<(int Recorded, int Duplicates, int Rejected)> SeeAsync(
        this Api api, string visitor, IEnumerable<string?> exposures, DateTimeOffset? at = null, string? customer = null,
        string? visit = null, string? id = null) => api.SeeAsync(Body(visitor, exposures, at, customer, visit, id));

    public static string Body(
        string? visitor, IEnumerable<string?> exposures, DateTimeOffset? at = null, string? customer = null, string? visit = null,
        string? id = null) =>
        JsonSerializer.Serialize(new { visitorId = visitor, customerId = customer, visitId = visit, at, id, exposures });

    /// <summary>The exposures of a decision about one placement.</summary>
    public static async Task<List<string?>> DecideAsync(this Api api, string placement, string visitor, string more = "") =>
    [
        .. (await api.PostAsync("decisions", $$"""{"visitorId":"{{visitor}}","placements":["{{placement}}"]{{more}}}""")).Expect(200)
            ["decisions"][0].GetProperty("exposures").EnumerateArray().Select(e => e.GetString()),
    ];

    /// <summary>Ids that a split gives a variant.</summary>
    public static async Task<List<string>> FindUnitsAsync(this Api api, string experiment, string? variant, int count)
    {
        var units = Enumerable.Range(0, 400).Select(_ => $"u{SegmentApi.NextNumber()}").ToArray();
        var answer = (await api.PostAsync($"experiments/{experiment}/assignments", JsonSerializer.Serialize(new { units }))).Expect(200);
        return
        [
            .. answer["items"].EnumerateArray().Where(i => i.GetProperty("variant").GetString() == variant).Take(count)
                .Select(i => i.GetProperty("unit").GetString()!),
        ];
    }

    /// <summary>What a statement counts.</summary>
    public static async Task<long> CountAsync(this ApiFixture fixture, string sql)
    {
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
