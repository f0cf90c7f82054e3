using Segmentation.Api.Http;

namespace Segmentation.Api.Segments;

/// <summary>How many of those whom a rule matches are shown.</summary>
internal static class SampleSize
{
    public const int Max = 100;
    public const int Default = 10;

    /// <summary>The size that a request names, else the default.</summary>
    /// <exception cref="ApiProblem">400.</exception>
    public static int Check(int? size) => size is null ? Default
        : size is >= 0 and <= Max ? size.Value
        : throw ApiProblem.Invalid("/sampleSize", $"sampleSize must be an integer from 0 to {Max}.");
}
