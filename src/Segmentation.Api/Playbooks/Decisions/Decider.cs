using System.Text.Json;
using Segmentation.Api.Experiments;

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

        var plays = Order(visitor, key);
        List<string> exposures = [];
        List<ConsideredPlay>? considered = explain is null ? null : [];
        Decision? won = null;
        var isSplit = false;
        foreach (var (playbook, play, isKept) in plays)
        {
            if (won is not null)
            {
                considered?.Add(new ConsideredPlay(playbook.Key, playbook.Version, play.Definition.Key!, PlayOutcome.NotReached));
                continue;
            }

            var looked = Look(visitor, playbook, play, isKept, exposures, out var content, out var assigned);
            considered?.Add(explain!(playbook, play, looked));
            isSplit |= looked.Outcome == PlayOutcome.HeldOut || (assigned is not null && looked.Outcome != PlayOutcome.NotEnrolled);
            if (looked.Outcome is PlayOutcome.Won or PlayOutcome.Kept)
            {
                exposures.Add(new PlayExposure(key, playbook.Key, playbook.Version, play.Definition.Key!).ToString());
                won = new Decision(
                    key,
                    DecisionSource.Play,
                    isKept ? DecisionReason.Kept : assigned is null ? DecisionReason.Matched : DecisionReason.Experiment,
                    exposures)
                {
                    Content = content,
                    Playbook = playbook.Key,
                    Version = playbook.Version,
                    Play = play.Definition.Key,
                    Experiment = assigned?.Key,
                    Variant = assigned?.Variant,
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
        return won with { Considered = considered, IsSplit = isSplit };
    }

    // Plays of playbooks that keep, as this visit was shown them; then all, by priority.
    private List<(CompiledPlaybook Playbook, CompiledPlay Play, bool IsKept)> Order(Visitor visitor, string placement)
    {
        var all = set.ListPlays(placement).Where(p => p.Playbook.IsInTime(visitor.At)).ToList();
        var kept = visitor.Shown.Where(s => s.Placement == placement)
            .Select(s => all.Find(p => p.Playbook.Definition.Keep == PlaybookKeep.Visit
                && p.Playbook.Key == s.Playbook && p.Play.Definition.Key == s.Play))
            .Where(p => p.Play is not null).ToList();
        return [.. kept.Select(p => (p.Playbook, p.Play, true)), .. all.Except(kept).Select(p => (p.Playbook, p.Play, false))];
    }

    private ConsideredPlay Look(
        Visitor visitor, CompiledPlaybook playbook, CompiledPlay play, bool isKept, List<string> exposures,
        out JsonElement? content, out AssignedVariant? assigned)
    {
        var definition = playbook.Definition;
        var looked = new ConsideredPlay(playbook.Key, playbook.Version, play.Definition.Key!, PlayOutcome.Won);
        (content, assigned) = (null, null);
        if (visitor.IsRestricted)
        {
            return looked with { Outcome = PlayOutcome.Restricted };
        }

        if (definition.RequiresConsent is { } purpose && !visitor.HasConsent(purpose))
        {
            return looked with { Outcome = PlayOutcome.NoConsent };
        }

        if (!isKept)
        {
            if (playbook.Audience is not null && !visitor.IsInAudience(playbook))
            {
                return looked with { Outcome = PlayOutcome.NotInAudience };
            }

            if (play.When is not null && !visitor.IsTime(playbook, play))
            {
                return looked with { Outcome = PlayOutcome.ContextNotMatched };
            }

            if (play.Definition.Caps is { Count: > 0 })
            {
                looked = looked with { Caps = visitor.CountCaps(playbook, play) };
                if (looked.Caps.Any(c => c.Count >= c.Max))
                {
                    return looked with { Outcome = PlayOutcome.Capped };
                }
            }
        }

        if (definition.Holdout is { } holdout && set.Experiments.ByKey[holdout] is var experiment)
        {
            looked = looked with { Holdout = Reach(visitor, experiment, exposures) };
            if (looked.Holdout.Variant is { } group && group == experiment.Running!.Variants[0])
            {
                return looked with { Outcome = PlayOutcome.HeldOut };
            }
        }

        if (play.Definition.Experiment is { } key)
        {
            return Split(visitor, play, set.Experiments.ByKey[key], looked, isKept, exposures, out content, out assigned);
        }

        content = play.Definition.Content;
        return looked with { Outcome = isKept ? PlayOutcome.Kept : PlayOutcome.Won };
    }

    private static ConsideredPlay Split(
        Visitor visitor, CompiledPlay play, KnownExperiment experiment, ConsideredPlay looked, bool isKept, List<string> exposures,
        out JsonElement? content, out AssignedVariant? assigned)
    {
        (content, assigned) = (null, null);
        var variant = experiment.Winner;
        if (experiment.Running is not null)
        {
            assigned = Reach(visitor, experiment, exposures);
            looked = looked with { Experiment = assigned };
            variant = assigned.Variant;
        }
        else
        {
            looked = looked with { Experiment = new AssignedVariant(experiment.Key, null, null, variant, null) };
        }

        if (variant is null)
        {
            return looked with
            {
                Outcome = experiment.Running is null ? PlayOutcome.ExperimentNotRunning : PlayOutcome.NotEnrolled,
            };
        }

        content = play.Definition.Contents!.GetValueOrDefault(variant);
        return looked with
        {
            Outcome = content is null ? PlayOutcome.VariantShowsNothing : isKept ? PlayOutcome.Kept : PlayOutcome.Won,
        };
    }

    // Whoever takes part was exposed, whatever is shown: both arms are counted under the same condition.
    private static AssignedVariant Reach(Visitor visitor, KnownExperiment experiment, List<string> exposures)
    {
        var assigned = visitor.Assign(experiment);
        if (assigned.Variant is { } variant && new VariantExposure(experiment.Key, assigned.Run!.Value, variant).ToString() is var exposure
            && !exposures.Contains(exposure))
        {
            exposures.Add(exposure);
        }

        return assigned;
    }
}
