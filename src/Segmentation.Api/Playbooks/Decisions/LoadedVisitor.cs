using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>A visitor of whom all is at hand: evaluates rules in memory, each audience once.</summary>
/// <param name="inSql">The audiences that were evaluated elsewhere, by the playbook's key.</param>
internal sealed class LoadedVisitor(
    DecisionState state,
    Customer customer,
    bool known,
    IEnumerable<CustomerEvent> events,
    StoredVisitor? stored,
    Dictionary<string, bool> inSql)
{
    private readonly Dictionary<string, bool> audiences = new(inSql, StringComparer.Ordinal);
    private readonly Evaluation clock = new(state.At, Data.TimeZones.Default);
    private readonly DecisionContext context = CreateContext(state.Question, customer.Geographic.TimeZone, known, events);

    /// <summary>The context of a question, as rules read it.</summary>
    /// <param name="zone">The customer's zone; null where it is not known.</param>
    public static DecisionContext CreateContext(Question question, string? zone, bool known, IEnumerable<CustomerEvent> events)
    {
        var sent = question.Context;
        return new DecisionContext
        {
            TimeZone = sent.TimeZone ?? zone,
            Country = Fold(sent.Country),
            Region = Fold(sent.Region),
            City = Fold(sent.City),
            Language = Fold(sent.Language),
            Latitude = sent.Location?.Latitude,
            Longitude = sent.Location?.Longitude,
            Device = Fold(sent.Device),
            Os = Fold(sent.Os),
            Browser = Fold(sent.Browser),
            Channel = Fold(sent.Channel),
            Page = Fold(sent.Page),
            Referrer = Fold(sent.Referrer),
            Campaign = Fold(sent.Campaign),
            Source = Fold(sent.Source),
            Medium = Fold(sent.Medium),
            Known = known,
            VisitNumber = sent.Visit?.Number,
            PageViews = sent.Visit?.PageViews,
            StartedAt = sent.Visit?.StartedAt,
            Custom = question.Custom,
            Events = [.. events],
        };

        static string? Fold(string? text) => CaseNormalizer.Normalize(PlaybookTexts.Trim(text));
    }

    /// <summary>As it is decided for.</summary>
    public Visitor ToVisitor() => new()
    {
        VisitorId = state.Question.VisitorId,
        CustomerId = state.Question.CustomerId,
        At = state.At,
        IsRestricted = customer.RestrictedAt is not null,
        HasConsent = customer.ConsentsGranted.Contains,
        IsInAudience = IsInAudience,
        IsTime = (playbook, play) => play.When!.Matches(context, clock.In(playbook.Definition.TimeZone!)),
        CountCaps = CountCaps,
        Shown = stored?.Shown ?? [],
        Kept = stored?.Kept ?? [],
    };

    /// <summary>Adds the rule trees of a play that was looked at, with what was found.</summary>
    public ConsideredPlay Explain(CompiledPlaybook playbook, CompiledPlay play, ConsideredPlay looked)
    {
        if (looked.Outcome is PlayOutcome.NoConsent or PlayOutcome.Kept or PlayOutcome.Restricted)
        {
            return looked;
        }

        var at = clock.In(playbook.Definition.TimeZone!);
        return looked with
        {
            Audience = playbook.Audience is not { } audience ? null
                : inSql.ContainsKey(playbook.Key) ? playbook.Definition.Audience
                : Explanation.Create(
                    audience.Compile(state.Historical).Rule!, customer, at, showActual: state.Question.ShowActual,
                    state.Question.Hidden),
            When = play.When is not { } when || looked.Outcome == PlayOutcome.NotInAudience ? null
                : Explanation.Create(when.Rule, context, at, showActual: true, state.Question.Hidden),
        };
    }

    private bool IsInAudience(CompiledPlaybook playbook)
    {
        if (!audiences.TryGetValue(playbook.Key, out var isIn))
        {
            isIn = playbook.Audience!.Compile(state.Historical).Contains(customer, clock.In(playbook.Definition.TimeZone!));
            audiences.Add(playbook.Key, isIn);
        }

        return isIn;
    }

    private IReadOnlyList<CountedCap> CountCaps(CompiledPlaybook playbook, CompiledPlay play) =>
    [
        .. play.Definition.Caps!.Select(c => new CountedCap(
            c.Max!.Value,
            c.Per!.Value,
            state.FindCap(playbook, play, c) is { } place && stored is not null ? stored.Counts.GetValueOrDefault(place) : 0)),
    ];
}
