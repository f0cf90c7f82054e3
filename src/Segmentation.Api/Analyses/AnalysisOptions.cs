namespace Segmentation.Api.Analyses;

/// <summary>Setting <c>Analyses</c>.</summary>
public sealed class AnalysisOptions
{
    /// <summary>Days for which an analysis is kept after its end.</summary>
    public int KeepDays { get; set; } = 90;

    /// <summary>Minutes that one may take.</summary>
    public int TimeoutMinutes { get; set; } = 30;
}
