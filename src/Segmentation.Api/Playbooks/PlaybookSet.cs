using System.Collections.Concurrent;
using Segmentation.Api.Experiments;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Playbooks;

/// <summary>
/// All placements and active playbooks as of one version of what decisions read, and what has been compiled from them. Immutable but for
/// that.
/// </summary>
public sealed class PlaybookSet
{
    private readonly RuleLimits limits;
    private readonly ConcurrentDictionary<(string Key, int Version), CompiledPlaybook> compiled = new();
    private readonly Lazy<IReadOnlyList<CompiledPlaybook>> active;
    private readonly Lazy<ILookup<string, (CompiledPlaybook Playbook, CompiledPlay Play)>> plays;

    internal PlaybookSet(
        long stamp,
        DefinitionSet definitions,
        IEnumerable<Placement> placements,
        IEnumerable<Playbook> active,
        ExperimentSet experiments,
        RuleLimits limits)
    {
        this.limits = limits;
        Stamp = stamp;
        Definitions = definitions;
        Experiments = experiments;
        Placements = placements.ToDictionary(p => p.Key, StringComparer.Ordinal);
        ActivePlacements = [.. Placements.Values.Where(p => p.Status == PlacementStatus.Active).Select(p => p.Key)
            .Order(StringComparer.Ordinal)];
        this.active = new(() => Order(active.Select(Compile).Where(p => p.Errors.Count == 0)));
        plays = new(ListPlays);
    }

    private PlaybookSet(PlaybookSet before, CompiledPlaybook playbook)
    {
        (limits, Stamp, Definitions, Experiments) = (before.limits, before.Stamp, before.Definitions, before.Experiments);
        (Placements, ActivePlacements) = (before.Placements, before.ActivePlacements);
        active = new(() => Order(before.Active.Where(p => p.Key != playbook.Key).Append(playbook)));
        plays = new(ListPlays);
    }

    /// <summary>The database's version of placements, playbooks and experiments.</summary>
    public long Stamp { get; }

    /// <summary>The segments and attributes that rules name.</summary>
    public DefinitionSet Definitions { get; }

    /// <summary>All experiments.</summary>
    public ExperimentSet Experiments { get; }

    /// <summary>What can have been seen.</summary>
    internal SeenPlays Seen { get; } = new();

    /// <summary>All placements, archived ones too, by key.</summary>
    public IReadOnlyDictionary<string, Placement> Placements { get; }

    /// <summary>The keys of the active placements, in order.</summary>
    public IReadOnlyList<string> ActivePlacements { get; }

    /// <summary>The plays for a placement of active and valid playbooks, in the order in which they are looked at.</summary>
    internal IEnumerable<(CompiledPlaybook Playbook, CompiledPlay Play)> ListPlays(string placement) => plays.Value[placement];

    /// <summary>The same with a playbook as if it were active, in place of that of its key.</summary>
    internal PlaybookSet With(CompiledPlaybook playbook) => new(this, playbook);

    /// <summary>The active playbooks that are valid, in the order in which they are looked at.</summary>
    internal IReadOnlyList<CompiledPlaybook> Active => active.Value;

    /// <summary>A stored playbook, checked against these definitions; once.</summary>
    internal CompiledPlaybook Compile(Playbook playbook) => compiled.GetOrAdd(
        (playbook.Key, playbook.Version), k => Compile(k.Key, k.Version, PlaybookResource.Read(playbook.Definition)));

    /// <summary>Checks a playbook against these definitions: its rules, and what it names.</summary>
    /// <param name="definition">Complete.</param>
    internal CompiledPlaybook Compile(string key, int version, PlaybookResource definition)
    {
        List<RuleError> errors = [];
        PlaybookAudience? audience = null;
        if (definition.Audience is { } rule)
        {
            var segment = new SegmentDefinition(
                0, $"playbook {key}", key, SegmentKind.Rule, SegmentStatus.Active, rule, definition.TimeZone!, version);
            audience = new PlaybookAudience(segment, Definitions);
            var compiledRule = audience.Compile(historical: false).Rule!;
            AddAt("/audience", compiledRule.Errors);
            definition = definition with { Audience = compiledRule.Source ?? rule };
        }

        List<CompiledPlay> plays = [];
        foreach (var (i, play) in definition.Plays!.Index())
        {
            var at = $"/plays/{i}";
            ContextRule? when = null;
            if (play.When is { } condition)
            {
                when = new ContextRule(new RuleCompiler<DecisionContext>(ContextFields.Catalog, limits).Compile(condition));
                AddAt($"{at}/when", when.Rule.Errors);
            }

            errors.AddRange(FindFaults(play).Select(f => new RuleError(at + f.Place, f.Fault)));
            plays.Add(new CompiledPlay(when is null ? play : play with { When = when.Rule.Source ?? play.When }, when));
        }

        errors.AddRange(FindExperimentFaults(definition));
        definition = definition with { Plays = [.. plays.Select(p => p.Definition)] };
        return new CompiledPlaybook(key, version, definition, audience, plays, errors);

        void AddAt(string place, IEnumerable<RuleError> found) =>
            errors.AddRange(found.Select(e => e with { Pointer = place + e.Pointer }));
    }

    private static IReadOnlyList<CompiledPlaybook> Order(IEnumerable<CompiledPlaybook> playbooks) =>
        [.. playbooks.OrderByDescending(p => p.Definition.Priority).ThenBy(p => p.Key, StringComparer.Ordinal)];

    private ILookup<string, (CompiledPlaybook Playbook, CompiledPlay Play)> ListPlays() =>
        Active.SelectMany(b => b.Plays.Select(p => (Playbook: b, Play: p)))
            .ToLookup(p => p.Play.Definition.Placement!, StringComparer.Ordinal);

    private IEnumerable<(string Place, string Fault)> FindFaults(PlayResource play)
    {
        if (!PlaybookTexts.IsKey(play.Placement))
        {
            yield break; // Said by the validator.
        }

        if (!Placements.TryGetValue(play.Placement!, out var placement))
        {
            var hint = NearestName.Find(play.Placement!, Placements.Keys) is { } nearest
                ? $"Did you mean \"{nearest}\"?"
                : "GET /api/v1/placements lists what there is.";
            yield return ("/placement", $"There is no placement {ErrorText.Quote(play.Placement!)}. {hint}");
            yield break;
        }

        foreach (var (place, content) in PlaybookValidator.Contents(play))
        {
            if (PlaybookTexts.FindContentFault(placement.Type, content, int.MaxValue) is { } fault)
            {
                yield return (place, fault);
            }
        }
    }

    private IEnumerable<RuleError> FindExperimentFaults(PlaybookResource definition)
    {
        if (definition.Holdout is { } holdout)
        {
            if (FindExperiment(holdout) is not { } found)
            {
                yield return new RuleError("/holdout", DescribeUnknownExperiment(holdout));
            }
            else if (found.Variants.Count != 2)
            {
                yield return new RuleError("/holdout", "A holdout is an experiment of exactly two variants.");
            }
        }

        foreach (var (i, play) in definition.Plays!.Index())
        {
            if (play.Experiment is not { } key)
            {
                continue;
            }

            if (FindExperiment(key) is not { } experiment)
            {
                yield return new RuleError($"/plays/{i}/experiment", DescribeUnknownExperiment(key));
            }
            else if (play.Contents is { } contents && !contents.Keys.ToHashSet(StringComparer.Ordinal).SetEquals(experiment.Variants))
            {
                yield return new RuleError(
                    $"/plays/{i}/contents",
                    $"contents needs each variant of the experiment, and nothing else: {string.Join(", ", experiment.Variants)}.");
            }
        }
    }

    private KnownExperiment? FindExperiment(string key) => Experiments.ByKey.GetValueOrDefault(key);

    private string DescribeUnknownExperiment(string key) => $"There is no experiment {ErrorText.Quote(key)}. "
        + (NearestName.Find(key, Experiments.ByKey.Keys) is { } nearest
            ? $"Did you mean \"{nearest}\"?"
            : "GET /api/v1/experiments lists what there is.");
}
