using Segmentation.Api.Experiments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>What a question is about, by the definitions of now: the plays that could win, and what has to be known for them.</summary>
internal sealed class DecisionState
{
    public DecisionState(PlaybookSet set, Question question, DateTimeOffset at, bool historical)
    {
        (Set, Question, At, Historical) = (set, question, at, historical);
        Placements = question.Placements ?? set.ActivePlacements;
        var plays = Placements.SelectMany(set.ListPlays).Where(p => p.Playbook.IsInTime(at)).ToList();
        Playbooks = [.. plays.Select(p => p.Playbook).Distinct()];
        Needs = new VisitorNeeds
        {
            Events = question.Events.Count > 0 || Playbooks.Any(p => p.Audience?.ReadsEvents(historical) == true),
            Rank = Playbooks.Any(p => p.Audience?.Compile(historical).NeedsRank == true),
            Caps = [.. plays.SelectMany(p => (p.Play.Definition.Caps ?? []).Select(c => (p.Playbook, p.Play, Cap: c)))
                .Where(c => !c.Cap.IsOfVisit || question.VisitId is not null)
                .Select(c => (c.Playbook.Key, c.Play.Definition.Key!, Since(c.Cap), c.Cap.IsOfVisit ? question.VisitId : null))],
            Keeping = question.VisitId is null
                ? []
                : [.. Playbooks.Where(p => p.Definition.Keep == PlaybookKeep.Visit).Select(p => p.Key)],
            Units = [.. FindUnits(plays)],
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

    /// <summary>The place of a cap's count; null for one of a visit, where there is none.</summary>
    public int? FindCap(CompiledPlaybook playbook, CompiledPlay play, CapResource cap)
    {
        if (cap.IsOfVisit && Question.VisitId is null)
        {
            return null;
        }

        var wanted = (playbook.Key, play.Definition.Key!, Since(cap), cap.IsOfVisit ? Question.VisitId : null);
        for (var i = 0; i < Needs.Caps.Count; i++)
        {
            if (Needs.Caps[i] == wanted)
            {
                return i;
            }
        }

        return null;
    }

    private DateTimeOffset Since(CapResource cap) =>
        cap.Span is { } span && At - LocalTime.Earliest > span ? At - span : LocalTime.Earliest;

    private IEnumerable<(int Experiment, int Run, string Unit)> FindUnits(
        List<(CompiledPlaybook Playbook, CompiledPlay Play)> plays)
    {
        var keys = plays.Select(p => p.Play.Definition.Experiment).Concat(Playbooks.Select(p => p.Definition.Holdout));
        foreach (var key in keys.OfType<string>().Distinct(StringComparer.Ordinal))
        {
            var experiment = Set.Experiments.ByKey[key];
            if (experiment.Running is { MayKeep: true } run
                && (run.Unit == ExperimentUnitKind.Visitor ? Question.VisitorId : Question.CustomerId) is { } unit)
            {
                yield return (experiment.Id, run.Number, unit);
            }
        }
    }
}
