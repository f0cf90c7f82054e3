using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>
/// Decides what a visitor gets: reads all that has to be known of it in one round trip, and evaluates the rest in memory.
/// </summary>
public sealed class DecisionEngine(
    SegmentationDb db,
    PlaybookCache cache,
    VisitorReader reader,
    SegmentQuery query,
    Sentiments sentiments,
    RevenueOptions revenue,
    FeedbackOptions feedback,
    ExposureStore exposures,
    TimeProvider time)
{
    /// <summary>What a visitor gets; recorded before it is answered, where that is asked for.</summary>
    /// <exception cref="ApiProblem">409: the explanation is too large.</exception>
    internal async Task<DecisionAnswer> DecideAsync(Question question, CancellationToken cancellation)
    {
        // The cached definitions are assumed to hold; their version is read with the visitor and shows. Where it is another, both are
        // read again.
        var set = cache.Latest ?? await cache.GetAsync(db, cancellation);
        while (true)
        {
            var answer = question.Record
                ? await Retry.OnDeadlockAsync(() => DecideAndRecordAsync(set, question, cancellation), cancellation)
                : await TryDecideAsync(set, question, cancellation);
            if (answer is not null)
            {
                return answer;
            }

            set = await cache.GetAsync(db, cancellation);
        }
    }

    // In one transaction; those of one visitor or customer one after the other, where what was shown counts.
    private async Task<DecisionAnswer?> DecideAndRecordAsync(PlaybookSet set, Question question, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        if (await TryDecideAsync(set, question, cancellation) is not { } answer)
        {
            return null;
        }

        await exposures.RecordAsync(set, question, answer.Decisions, answer.EvaluatedAt, cancellation);
        await transaction.CommitAsync(cancellation);
        return answer;
    }

    // Null: the definitions are others by now.
    private async Task<DecisionAnswer?> TryDecideAsync(PlaybookSet set, Question question, CancellationToken cancellation)
    {
        var now = LocalTime.Truncate(time.GetUtcNow());
        var at = question.At ?? now;
        var state = new DecisionState(set, question, at, historical: at < now);
        foreach (var audience in question.At is null ? [] : state.Playbooks.Select(p => p.Audience).OfType<PlaybookAudience>())
        {
            query.CheckInstant(set.Definitions, audience.Rule.Rule, question.At);
        }

        if (question.CustomerId is null && !state.Needs.OfVisitor && cache.IsFresh(set))
        {
            return await AnswerAsync(state, stored: null, now, cancellation);
        }

        var stored = await reader.ReadAsync(question, state.Needs, at, state.Historical, question.At, cancellation);
        return stored.DecisionStamp == set.Stamp && stored.DefinitionStamp == set.Definitions.Version
            ? await AnswerAsync(state, stored, now, cancellation)
            : null;
    }

    private async Task<DecisionAnswer> AnswerAsync(
        DecisionState state, StoredVisitor? stored, DateTimeOffset now, CancellationToken cancellation)
    {
        var question = state.Question;
        var known = stored?.Customer is not null;
        var customer = stored?.Customer ?? new Customer
        {
            Id = question.CustomerId ?? question.VisitorId,
            Version = 1,
            CreatedAt = state.At,
            UpdatedAt = state.At,
            Rank = stored?.RankOfNew ?? default,
        };
        var standing = new Evaluation(state.At, TimeZones.Default);
        customer.ConsentsGranted = known
            ? [.. customer.ConsentsGranted.Where(p => question.Consents.GetValueOrDefault(p, true)
                && state.Set.Definitions.HasConsent(p, customer, standing))]
            : [.. question.Consents.Where(c => c.Value).Select(c => c.Key)];
        List<CustomerEvent> events = [.. question.Events.Select(e => e.ToEvent(now))];
        events.ForEach(e => (e.Customer, e.CustomerKey) = (customer, customer.Key));
        await AssessAsync(events, cancellation);
        var isLoaded = customer.EventCount <= CustomerSnapshots.MaxEvents;
        if (isLoaded)
        {
            VisitEvents.AddTo(customer, events, revenue, feedback);
        }

        var inSql = isLoaded ? [] : await EvaluateInSqlAsync(state, customer, cancellation);
        var loaded = new LoadedVisitor(state, customer, known, events, stored, inSql);
        var decider = new Decider(state.Set, question.Explain ? loaded.Explain : null);
        var visitor = loaded.ToVisitor();
        var answer = new DecisionAnswer(
            [.. state.Placements.Select(p => decider.Decide(visitor, p))], known, state.At, isLoaded || events.Count == 0 ? null : false)
        {
            Definitions = $"{state.Set.Definitions.Version}.{state.Set.Stamp}",
        };
        return !question.Explain || Json.Measure(answer) <= Json.MaxAnswerBytes ? answer
            : throw ApiProblem.Conflict("The explanation has more than 1 MiB: ask for fewer placements.");
    }

    // Only a feedback's text takes more than the event itself.
    private async Task AssessAsync(List<CustomerEvent> events, CancellationToken cancellation)
    {
        if (!events.Exists(e => sentiments.IsFeedback(e.Type)))
        {
            return;
        }

        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            await sentiments.AssessAsync((NpgsqlConnection)db.Database.GetDbConnection(), events, cancellation);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    // Of a customer with more events than are loaded, SQL reads those that a rule selects; consents are those that are left of it.
    private async Task<Dictionary<string, bool>> EvaluateInSqlAsync(
        DecisionState state, Customer customer, CancellationToken cancellation)
    {
        var granted = new GrantedConsents(customer.ConsentsGranted);
        var found = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var playbook in state.Playbooks.Where(p => p.Audience?.ReadsEvents(state.Historical) == true))
        {
            var rule = playbook.Audience!.Rule;
            var predicate = query.CreatePredicate(state.Set.Definitions, rule, state.Question.At, customer.Key).Predicate;
            found[playbook.Key] = await db.Customers.Where(c => c.Key == customer.Key)
                .Where((Expression<Func<Customer, bool>>)granted.Visit(predicate)).AnyAsync(cancellation);
        }

        return found;
    }

    // Puts these in the place of those that are stored, in whatever rule reads them.
    private sealed class GrantedConsents(string[] granted) : ExpressionVisitor
    {
        protected override Expression VisitMember(MemberExpression node) =>
            node.Member.Name == nameof(Customer.ConsentsGranted) && node.Member.DeclaringType == typeof(Customer)
                ? Expression.Property(Expression.Constant(this), nameof(Granted))
                : base.VisitMember(node);

        private string[] Granted => granted;
    }
}
