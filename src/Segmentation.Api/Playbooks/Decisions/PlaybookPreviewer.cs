using System.Data;
using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Experiments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>
/// Who of all customers would get what: one statement says of each customer which audiences it is in; what wins is decided as for a
/// visitor, so that variants are counted and not estimated.
/// </summary>
public sealed class PlaybookPreviewer(SegmentationDb db, PlaybookCache cache, TimeProvider time)
{
    private const int SampleSize = 10;

    /// <summary>Counts.</summary>
    /// <param name="playbook">The playbook to try, without errors: it counts as active and in its time.</param>
    /// <param name="question">The context; who asks is of no meaning.</param>
    internal async Task<PlaybookPreview> CountAsync(
        CompiledPlaybook playbook, Question question, bool allConsents, bool withSample, CancellationToken cancellation)
    {
        playbook = playbook with { Definition = playbook.Definition with { StartsAt = null, EndsAt = null } };
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var set = (await cache.GetAsync(db, cancellation)).With(playbook);
        var at = LocalTime.Truncate(time.GetUtcNow());
        var placements = set.ActivePlacements.Where(k => playbook.Plays.Any(p => p.Definition.Placement == k)).ToList();
        var playbooks = placements.SelectMany(set.ListPlays).Select(p => p.Playbook).Where(p => p.IsInTime(at)).Distinct().ToList();
        var audiences = playbooks.Where(p => p.Audience is not null).ToList();
        var purposes = allConsents ? [] : playbooks.Select(p => p.Definition.RequiresConsent).OfType<string>().Distinct().ToList();
        var splits = playbooks.Any(p => p.Definition.Holdout is not null || p.Plays.Any(x => x.Definition.Experiment is not null));
        var kept = splits ? await ReadKeptAsync(set, cancellation) : [];
        var tally = new Tally(playbook.Key, placements, withSample ? SampleSize : 0);
        var decider = new Decider(set);
        var contexts = new Dictionary<string, ZoneContext>(StringComparer.Ordinal);
        var decided = new Dictionary<(string, string, string, bool), IReadOnlyList<Decision>>();
        await foreach (var row in Rows(set, audiences, purposes, at, allConsents).AsAsyncEnumerable().WithCancellation(cancellation))
        {
            var zone = row.TimeZone ?? "";
            if (!contexts.TryGetValue(zone, out var context))
            {
                context = new ZoneContext(LoadedVisitor.CreateContext(question, row.TimeZone, known: true, []), at);
                contexts.Add(zone, context);
            }

            var granted = purposes.Where((_, i) => row.Granted[i]).ToList();
            var isIn = string.Concat(row.In.Select(i => i ? '1' : '0'));
            var alike = (zone, isIn, string.Join(' ', granted), row.IsRestricted);
            if (splits || !decided.TryGetValue(alike, out var decisions))
            {
                var visitor = new Visitor
                {
                    VisitorId = row.Id,
                    CustomerId = row.Id,
                    At = at,
                    IsRestricted = row.IsRestricted,
                    HasConsent = allConsents ? _ => true : granted.Contains,
                    IsInAudience = p => row.In[audiences.IndexOf(p)],
                    IsTime = context.IsTime,
                    CountCaps = (_, _) => [],
                    Kept = kept.GetValueOrDefault(row.Id, none),
                };
                decisions = [.. placements.Select(p => decider.Decide(visitor, p))];
                if (!splits)
                {
                    decided.Add(alike, decisions);
                }
            }

            tally.Add(row.Id, decisions!);
        }

        return tally.Sum(set, playbook, withSample, at);
    }

    private static readonly Dictionary<(int, int), string> none = [];

    // One row a customer, with a column an audience.
    private IQueryable<Row> Rows(
        PlaybookSet set, List<CompiledPlaybook> audiences, List<string> purposes, DateTimeOffset at, bool allConsents)
    {
        var customer = Expression.Parameter(typeof(Customer), "c");
        var tests = audiences.Select(a =>
        {
            var rule = set.Definitions.Compile(a.Audience!.Rule, Backend.Sql, historical: false);
            var test = rule.ToQuery(new Evaluation(at, a.Definition.TimeZone!), db.Rows);
            var body = Splice.Body(test, customer);
            return allConsents ? new GrantAll().Visit(body) : body;
        });
        var granted = purposes.Select(p => Splice.Body(
            set.Definitions.CreateConsentPredicate(p, at, db.Rows), customer));
        Expression<Func<Customer, bool[], bool[], Row>> create = (c, isIn, given) => new Row
        {
            Id = c.Id,
            TimeZone = c.Geographic.TimeZone,
            IsRestricted = c.RestrictedAt != null,
            Granted = given,
            In = isIn,
        };
        var row = Splice.Body(
            create, customer, Expression.NewArrayInit(typeof(bool), tests), Expression.NewArrayInit(typeof(bool), granted));
        return db.Customers.AsNoTracking().Select(Expression.Lambda<Func<Customer, Row>>(row, customer));
    }

    private async Task<Dictionary<string, Dictionary<(int, int), string>>> ReadKeptAsync(PlaybookSet set, CancellationToken cancellation)
    {
        var kept = new Dictionary<string, Dictionary<(int, int), string>>(StringComparer.Ordinal);
        foreach (var experiment in set.Experiments.ByKey.Values.Where(e => e.Running is { MayKeep: true }))
        {
            var run = experiment.Running!.Number;
            var units = db.ExperimentUnits.AsNoTracking().Where(u => u.ExperimentId == experiment.Id && u.Run == run)
                .Select(u => new { u.Unit, u.Variant });
            await foreach (var unit in units.AsAsyncEnumerable().WithCancellation(cancellation))
            {
                kept.TryAdd(unit.Unit, []);
                kept[unit.Unit][(experiment.Id, run)] = unit.Variant;
            }
        }

        return kept;
    }

    private sealed class Row
    {
        public required string Id { get; init; }
        public string? TimeZone { get; init; }
        public required bool IsRestricted { get; init; }
        public required bool[] Granted { get; init; }
        public required bool[] In { get; init; }
    }

    // Customers of one zone have one context.
    private sealed class ZoneContext(DecisionContext context, DateTimeOffset at)
    {
        private readonly Evaluation clock = new(at, TimeZones.Default);
        private readonly Dictionary<CompiledPlay, bool> known = [];

        public bool IsTime(CompiledPlaybook playbook, CompiledPlay play)
        {
            if (!known.TryGetValue(play, out var isTime))
            {
                isTime = play.When!.Matches(context, clock.In(playbook.Definition.TimeZone!));
                known.Add(play, isTime);
            }

            return isTime;
        }
    }

    // Whoever asks for a consent is told that it is given.
    private sealed class GrantAll : ExpressionVisitor
    {
        protected override Expression VisitMethodCall(MethodCallExpression node) =>
            node.Method.Name == nameof(Enumerable.Contains) && Consents.In(node)
                ? Expression.Constant(true)
                : node.Method.Name == nameof(JsonValue.WrittenInstant) && Consents.In(node) ? Expression.Constant(null, node.Type)
                : base.VisitMethodCall(node);

        private sealed class Consents : ExpressionVisitor
        {
            private bool found;

            public static bool In(Expression node)
            {
                var search = new Consents();
                search.Visit(node);
                return search.found;
            }

            protected override Expression VisitMember(MemberExpression node)
            {
                found |= node.Member.Name is nameof(Customer.ConsentsGranted) or nameof(Customer.Consents);
                return base.VisitMember(node);
            }
        }
    }

    private sealed class Tally(string playbook, IReadOnlyList<string> placements, int sampleSize)
    {
        private readonly Dictionary<(string Placement, string? Playbook, string? Play, string? Variant), long> counts = [];
        private readonly List<PreviewCustomer> sample = [];
        private long total;

        public void Add(string customer, IReadOnlyList<Decision> decisions)
        {
            total++;
            foreach (var d in decisions)
            {
                var won = (d.Placement, d.Playbook, d.Play, d.Variant);
                counts[won] = counts.GetValueOrDefault(won) + 1;
                if (d.Playbook == playbook && sample.Count < sampleSize)
                {
                    sample.Add(new PreviewCustomer(customer, d.Placement, d.Playbook, d.Play!, d.Variant));
                }
            }
        }

        public PlaybookPreview Sum(PlaybookSet set, CompiledPlaybook previewed, bool withSample, DateTimeOffset at) => new(
            total,
            [
                .. placements.Select(p => new PreviewPlacement(
                    p,
                    [.. set.ListPlays(p).SelectMany(x => List(p, x.Playbook, x.Play, x.Playbook == previewed))],
                    Fallback(p))),
            ],
            withSample ? sample : null,
            at);

        private IEnumerable<PreviewPlay> List(string placement, CompiledPlaybook book, CompiledPlay play, bool always)
        {
            var key = play.Definition.Key!;
            var found = counts.Where(c => c.Key.Placement == placement && c.Key.Playbook == book.Key && c.Key.Play == key)
                .OrderBy(c => c.Key.Variant, StringComparer.Ordinal)
                .Select(c => new PreviewPlay(book.Key, key, c.Value, Share(c.Value), c.Key.Variant)).ToList();
            return found.Count == 0 && always ? [new PreviewPlay(book.Key, key, 0, 0)] : found;
        }

        private PreviewShare Fallback(string placement)
        {
            var count = counts.GetValueOrDefault((placement, null, null, null));
            return new PreviewShare(count, Share(count));
        }

        private decimal Share(long count) => total == 0 ? 0 : Math.Round((decimal)count / total, 6);
    }
}
