using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Experiments;

/// <summary>Makes experiments over HTTP.</summary>
internal static class ExperimentApi
{
    public const string Two =
        """
        "variants":[{"key":"control"},{"key":"treated"}]
        """;

    public static async Task<string> MakeExperimentAsync(this Api api, string properties = Two, bool start = false)
    {
        var key = SegmentApi.NewKey();
        (await api.PutAsync($"experiments/{key}", $"{{{properties}}}")).Expect(201);
        if (start)
        {
            (await api.PostAsync($"experiments/{key}/start", "")).Expect(200);
        }

        return key;
    }

    /// <summary>What a unit gets, by the service.</summary>
    public static async Task<string?> AssignAsync(this Api api, string key, string unit) =>
        (await api.PostAsync($"experiments/{key}/assignments", $$"""{"units":["{{unit}}"]}""")).Expect(200)["items"][0]
            .GetProperty("variant").GetString();
}
