using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Playbooks;

/// <summary>Makes placements and playbooks over HTTP.</summary>
internal static class PlaybookApi
{
    /// <summary>Creates a placement.</summary>
    /// <returns>Its key.</returns>
    public static async Task<string> MakePlacementAsync(this Api api, string type = "object", string? fallback = null)
    {
        var key = $"p-{SegmentApi.NextNumber()}";
        var more = fallback is null ? "" : $",\"fallback\":{fallback}";
        (await api.PutAsync($"placements/{key}", $$"""{"type":"{{type}}"{{more}}}""")).Expect(201);
        return key;
    }

    /// <summary>Creates a playbook.</summary>
    /// <param name="plays">Its plays, as JSON.</param>
    /// <param name="more">Further properties, as JSON.</param>
    /// <returns>Its key.</returns>
    public static async Task<string> MakePlaybookAsync(this Api api, string plays, string? more = null, string status = "active")
    {
        var key = $"b-{SegmentApi.NextNumber()}";
        (await api.PutAsync($"playbooks/{key}", Body(plays, more, status))).Expect(201);
        return key;
    }

    public static string Body(string plays, string? more = null, string status = "active") =>
        $$"""{"plays":[{{plays}}],"status":"{{status}}"{{(more is null ? "" : "," + more)}}}""";
}
