using System.Text.Json;

namespace Segmentation.Api.Predictions;

/// <summary>A model as it was fitted once. It never changes; which one is in force does.</summary>
public sealed class ModelVersion
{
    public required string ModelKey { get; set; }

    /// <summary>From 1, by model.</summary>
    public int Version { get; set; }

    /// <summary>Of a model one is.</summary>
    public bool InForce { get; set; }

    public DateTimeOffset FittedAt { get; set; }

    /// <summary>The last day of the data that it is from.</summary>
    public DateOnly AsOf { get; set; }

    /// <summary>Whether that was asked for: scores then are of that day.</summary>
    public bool Pinned { get; set; }

    /// <summary>The settings that it was fitted with.</summary>
    public JsonElement Settings { get; set; }
    public JsonElement Data { get; set; }
    public JsonElement Parameters { get; set; }
    public JsonElement Report { get; set; }
    public JsonElement Warnings { get; set; }

    /// <summary>Parameters that are too many to be shown, of those types that have such; not read with the version.</summary>
    public ModelWeights? Weights { get; set; }

    /// <summary>The day that scores are of; null for each day's own.</summary>
    public DateOnly? PinnedTo => Pinned ? AsOf : null;
}

/// <summary>Parameters of a version that are too many to be shown.</summary>
public sealed class ModelWeights
{
    public string ModelKey { get; set; } = null!;
    public int Version { get; set; }

    /// <summary>As the model's type reads them.</summary>
    public required byte[] Weights { get; set; }
}
