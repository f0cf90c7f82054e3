using System.Text.Json;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Makes segments over HTTP.</summary>
internal static class SegmentApi
{
    private static int last;

    /// <summary>A number that no other test has.</summary>
    public static int NextNumber() => Interlocked.Increment(ref last);

    /// <summary>A key that no other test has.</summary>
    public static string NewKey() => $"s-{NextNumber()}";

    /// <summary>Creates a segment.</summary>
    /// <param name="more">Further properties, as JSON.</param>
    /// <returns>Its key.</returns>
    public static async Task<string> MakeSegmentAsync(this Api api, string rule, string? more = null)
    {
        var key = NewKey();
        (await api.PutAsync($"segments/{key}", RuleJson.Body(rule, more))).Expect(201);
        return key;
    }

    public static void AssertSame(string expected, JsonElement actual) =>
        Assert.True(JsonElement.DeepEquals(JsonSerializer.Deserialize<JsonElement>(expected), actual), $"{expected}\n{actual}");
}
