using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>The events that a metric is about, and their values, as queries.</summary>
/// <param name="limits">How large a group of rules may be.</param>
public sealed class MetricEvents(RuleLimits limits)
{
    /// <summary>The field of an event that every event may have.</summary>
    public const string Amount = "amount";

    /// <summary>How an event's text or score was felt.</summary>
    public const string Sentiment = "sentiment";

    /// <summary>Compiles the group that says which events.</summary>
    public CompiledRule<CustomerEvent> Compile(JsonElement? events) =>
        new RuleCompiler<CustomerEvent>(EventFields.Catalog, limits).Compile(events.GetValueOrDefault());

    /// <summary>Why there is no such value of events; null where there is.</summary>
    public static string? FindFault(string of) => of is Amount or Sentiment || EventFields.Catalog.Find(of) is { Type: FieldType.Property }
        ? null
        : $"of must be {Amount}, {Sentiment} or properties.NAME, but is {ErrorText.Quote(of)}.";

    /// <summary>An event's customer and instant; and its value, where one is read.</summary>
    /// <param name="db">Whose events.</param>
    /// <param name="events">A group of rules that is valid.</param>
    /// <param name="of">What is read; null for nothing.</param>
    /// <param name="at">The instant that relative dates go by.</param>
    internal IQueryable Query(SegmentationDb db, JsonElement events, string? of, DateTimeOffset at)
    {
        var clock = new Evaluation(at, TimeZones.Default);
        var matching = db.Events.Where(Compile(events).ToQuery(clock, db.Rows));
        return of is null
            ? matching.Select(e => new { e.CustomerKey, e.OccurredAt })
            : matching.Select(Select(of, clock));
    }

    private static Expression<Func<CustomerEvent, MetricEvent>> Select(string of, Evaluation clock)
    {
        var value = EventFields.Catalog.Find(of)!.Access switch
        {
            ScalarAccess scalar => scalar.Value,
            PropertyAccess property => property.Number,
            _ => throw new InvalidOperationException("What is summed is a number."),
        };
        Expression<Func<CustomerEvent, decimal?, MetricEvent>> create = (e, v) =>
            new MetricEvent { CustomerKey = e.CustomerKey, OccurredAt = e.OccurredAt, Value = v };
        var e = create.Parameters[0];
        var read = Splice.Body(value, e, Literal<Evaluation>.Create(clock));
        return Expression.Lambda<Func<CustomerEvent, MetricEvent>>(Splice.Body(create, e, read), e);
    }

    private sealed class MetricEvent
    {
        public long CustomerKey { get; init; }
        public DateTimeOffset OccurredAt { get; init; }
        public decimal? Value { get; init; }
    }
}
