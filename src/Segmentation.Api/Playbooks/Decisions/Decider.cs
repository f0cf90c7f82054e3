namespace Segmentation.Api.Playbooks;

/// <summary>Decides one placement: in memory, of what is at hand, the same for every caller.</summary>
/// <param name="set">The definitions.</param>
/// <param name="explain">Describes the rules of a play that was looked at; null for no explanation.</param>
internal sealed class Decider(PlaybookSet set, Func<CompiledPlaybook, CompiledPlay, ConsideredPlay, ConsideredPlay>? explain = null)
{
    /// <summary>What a visitor gets at a placement.</summary>
    public Decision Decide(Visitor visitor, string key)
    {
        if (!set.Placements.TryGetValue(key, out var placement) || placement.Status != PlacementStatus.Active)
        {
            return new Decision(key, DecisionSource.None, DecisionReason.UnknownPlacement, [])
            {
                Considered = explain is null ? null : [],
            };
        }

        var plays = set.ListPlays(key).Where(p => p.Playbook.IsInTime(visitor.At)).ToList();
        List<string> exposures = [];
        List<ConsideredPlay>? considered = explain is null ? null : [];
        Decision? won = null;
        foreach (var (playbook, play) in plays)
        {
            if (won is not null)
            {
                considered?.Add(new ConsideredPlay(playbook.Key, playbook.Version, play.Definition.Key!, PlayOutcome.NotReached));
                continue;
            }

            var looked = new ConsideredPlay(playbook.Key, playbook.Version, play.Definition.Key!, Look(visitor, playbook, play));
            considered?.Add(explain!(playbook, play, looked));
            if (looked.Outcome == PlayOutcome.Won)
            {
                exposures.Add($"play:{key}/{playbook.Key}@{playbook.Version}/{play.Definition.Key}");
                won = new Decision(key, DecisionSource.Play, DecisionReason.Matched, exposures)
                {
                    Content = play.Definition.Content,
                    Playbook = playbook.Key,
                    Version = playbook.Version,
                    Play = play.Definition.Key,
                };
            }

            if (won is not null && considered is null)
            {
                break;
            }
        }

        won ??= new Decision(
            key,
            placement.Fallback is null ? DecisionSource.None : DecisionSource.Fallback,
            plays.Count == 0 ? DecisionReason.NoPlay : DecisionReason.NoMatch,
            exposures)
        {
            Content = placement.Fallback,
        };
        return won with { Considered = considered };
    }

    private static PlayOutcome Look(Visitor visitor, CompiledPlaybook playbook, CompiledPlay play) =>
        playbook.Definition.RequiresConsent is { } purpose && !visitor.HasConsent(purpose) ? PlayOutcome.NoConsent
        : playbook.Audience is not null && !visitor.IsInAudience(playbook) ? PlayOutcome.NotInAudience
        : play.When is not null && !visitor.IsTime(playbook, play) ? PlayOutcome.ContextNotMatched
        : PlayOutcome.Won;
}
