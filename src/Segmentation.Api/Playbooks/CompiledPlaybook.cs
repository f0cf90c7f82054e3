using System.Runtime.CompilerServices;
using Segmentation.Api.Customers;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Playbooks;

/// <summary>A playbook that is checked: its rules as functions, or what is wrong with it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Version">Its version.</param>
/// <param name="Definition">As it is stored: complete, its rules in the language's spelling.</param>
/// <param name="Audience">Whom it is for; null for everyone.</param>
/// <param name="Plays">Its plays, in order.</param>
/// <param name="Errors">What is wrong; pointers are relative to the playbook. With any, only these and the definition can be read.</param>
/// <remarks>Equal is only the same one: to hash a whole definition took more of a decision than all else.</remarks>
internal sealed record CompiledPlaybook(
    string Key,
    int Version,
    PlaybookResource Definition,
    PlaybookAudience? Audience,
    IReadOnlyList<CompiledPlay> Plays,
    IReadOnlyList<RuleError> Errors)
{
    /// <summary>Whether it applies at an instant, by its schedule.</summary>
    public bool IsInTime(DateTimeOffset at) =>
        (Definition.StartsAt is not { } start || start <= at) && (Definition.EndsAt is not { } end || at < end);

    public bool Equals(CompiledPlaybook? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
}

/// <summary>Whom a playbook is for, as a segment that is evaluated in memory.</summary>
internal sealed class PlaybookAudience(SegmentDefinition rule, DefinitionSet definitions)
{
    private readonly Lazy<CompiledSegment> now = new(() => new CompiledSegment(rule, definitions, historical: false));
    private readonly Lazy<CompiledSegment> then = new(() => new CompiledSegment(rule, definitions, historical: true));

    private readonly Lazy<bool> eventsNow = new(() => ReadsEvents(rule, definitions, historical: false));
    private readonly Lazy<bool> eventsThen = new(() => ReadsEvents(rule, definitions, historical: true));

    /// <summary>The rule as a segment.</summary>
    public SegmentDefinition Rule => rule;

    /// <summary>Whether events are read, of a rule without errors.</summary>
    public bool ReadsEvents(bool historical) => (historical ? eventsThen : eventsNow).Value;

    /// <summary>Compiled for now, or for an instant in the past.</summary>
    public CompiledSegment Compile(bool historical) => (historical ? then : now).Value;

    private static bool ReadsEvents(SegmentDefinition rule, DefinitionSet definitions, bool historical) =>
        new CompiledSegment(rule, definitions, historical).Rule!.MembersRead().Contains(nameof(Customer.Events));
}

/// <summary>A play that is checked.</summary>
/// <param name="Definition">As it is stored.</param>
/// <param name="When">When it is shown; null for always.</param>
/// <remarks>Equal is only the same one.</remarks>
internal sealed record CompiledPlay(PlayResource Definition, ContextRule? When)
{
    public bool Equals(CompiledPlay? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
}

/// <summary>A rule over the context.</summary>
internal sealed class ContextRule(CompiledRule<DecisionContext> rule)
{
    private readonly Lazy<Func<DecisionContext, Evaluation, bool>> matches = new(rule.ToFunc);

    /// <summary>The checked rule.</summary>
    public CompiledRule<DecisionContext> Rule => rule;

    /// <summary>Whether a context satisfies it.</summary>
    public bool Matches(DecisionContext context, Evaluation at) => matches.Value(context, at);
}
