namespace Segmentation.Api.Playbooks;

/// <summary>What a question is about, by the definitions of now: the plays that could win, and what has to be known for them.</summary>
internal sealed class DecisionState
{
    public DecisionState(PlaybookSet set, Question question, DateTimeOffset at, bool historical)
    {
        (Set, Question, At, Historical) = (set, question, at, historical);
        Placements = question.Placements ?? set.ActivePlacements;
        Playbooks = [.. Placements.SelectMany(set.ListPlays).Select(p => p.Playbook).Where(p => p.IsInTime(at)).Distinct()];
        Needs = new VisitorNeeds
        {
            Events = question.Events.Count > 0 || Playbooks.Any(p => p.Audience?.ReadsEvents(historical) == true),
            Rank = Playbooks.Any(p => p.Audience?.Compile(historical).NeedsRank == true),
        };
    }

    public PlaybookSet Set { get; }
    public Question Question { get; }
    public DateTimeOffset At { get; }

    /// <summary>Whether that is in the past.</summary>
    public bool Historical { get; }

    /// <summary>The keys of the placements, in the order of the answer.</summary>
    public IReadOnlyList<string> Placements { get; }

    /// <summary>The playbooks in their time that have plays for these.</summary>
    public IReadOnlyList<CompiledPlaybook> Playbooks { get; }

    /// <summary>What has to be known of the visitor.</summary>
    public VisitorNeeds Needs { get; }
}
