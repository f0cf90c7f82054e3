namespace Segmentation.Api.Playbooks;

/// <summary>Whom it is decided for, as <see cref="Decider"/> asks of it.</summary>
internal sealed class Visitor
{
    /// <summary>The instant that it is decided as of.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Whether a consent is given.</summary>
    public required Func<string, bool> HasConsent { get; init; }

    /// <summary>Whether it is in the audience of a playbook that has one.</summary>
    public required Func<CompiledPlaybook, bool> IsInAudience { get; init; }

    /// <summary>Whether the context is that of a play that has a condition.</summary>
    public required Func<CompiledPlaybook, CompiledPlay, bool> IsTime { get; init; }
}
