using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Experiments;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Memberships;
using Segmentation.Api.Privacy;
using Segmentation.Api.Segments;
using Segmentation.Api.Webhooks;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Rights;

/// <summary>
/// Writes everything that is held of a customer as one JSON document, <see cref="CustomerData"/>, a page at a time: a customer may have a
/// million events. A test holds its parts against all tables.
/// </summary>
public sealed class CustomerDataReader(SegmentationDb db, SegmentQuery query, CustomerMarks marks, TimeProvider time)
{
    /// <summary>Writes it as the response's body.</summary>
    public async Task WriteAsync(HttpResponse response, Customer customer, CancellationToken cancellation)
    {
        var (id, now) = (customer.Id, LocalTime.Truncate(time.GetUtcNow()));
        var thresholds = (await query.DefinitionsAsync(cancellation)).Rfm.Latest;
        var visitors = await db.FindVisitorsAsync(id, cancellation);
        var mark = await marks.NameAsync(id, cancellation);
        Part[] parts =
        [
            .. ListParts(customer, visitors),
            .. ListSayings(id, [.. new[] { id, customer.Email }.OfType<string>()], mark, customer.CreatedAt),
        ];
        response.ContentType = MediaTypes.Json + "; charset=utf-8";
        response.Headers.ContentDisposition = "attachment; filename=\"customer-data.json\"";
        if (response.HttpContext.IsHead())
        {
            return;
        }

        using var json = new Utf8JsonWriter(Stream.Null, new JsonWriterOptions { Encoder = Json.Options.Encoder, SkipValidation = true });
        var (current, isOpen, rows) = (0, false, 0);
        var profile = CustomerResource.From(customer, now, thresholds, SensitiveFields.None);
        var head = $"{{\"id\":{Write(id)},\"at\":{Write(now)},\"profile\":{Write(profile)}";
        head += RestrictionResource.From(customer) is { } restriction ? $",\"restriction\":{Write(restriction)}" : "";
        await PagedBody.WriteAsync(response, head, Read, WriteRow, cancellation);

        // A part ends with a page that has none of its rows; after the last comes what closes the document.
        IAsyncEnumerable<(Part Part, object? Row)>? Read(int count)
        {
            if (isOpen && rows == 0)
            {
                (current, isOpen) = (current + 1, false);
            }

            rows = 0;
            return current < parts.Length ? ReadPartAsync(parts[current], count, isOpen)
                : current++ == parts.Length ? new[] { (Part.End, (object?)null) }.ToAsyncEnumerable()
                : null;
        }

        void WriteRow(IBufferWriter<byte> body, (Part Part, object? Row) item)
        {
            if (item.Row is null)
            {
                var start = item.Part == Part.End ? "]}" : $"{(current == 0 ? "" : "]")},\"{item.Part.Name}\":[";
                Encoding.UTF8.GetBytes(start, body);
                isOpen = true;
                return;
            }

            if (item.Part.HasBegun)
            {
                body.Write(","u8);
            }

            rows++;
            json.Reset(body);
            JsonSerializer.Serialize(json, item.Part.Show(item.Row), Json.Options);
        }
    }

    private static string Write<T>(T value) => JsonSerializer.Serialize(value, Json.Options);

    private static async IAsyncEnumerable<(Part Part, object? Row)> ReadPartAsync(Part part, int count, bool isOpen)
    {
        if (!isOpen)
        {
            yield return (part, null);
        }

        await foreach (var row in part.Read(count))
        {
            yield return (part, row);
        }
    }

    private IEnumerable<Part> ListParts(Customer customer, string[] visitors)
    {
        var (key, id) = (customer.Key, customer.Id);
        yield return Create("consents", (ConsentRecord? last) => db.ConsentRecords
            .Where(r => r.CustomerKey == key && (last == null || r.Id > last.Id)).OrderBy(r => r.Id), ConsentRecordResource.From);
        yield return Create("scores", (CustomerScores? last) => db.CustomerScores.Where(s => s.CustomerKey == key && last == null), s => new
            HeldScores(
                s.ScoredOn, s.Version, s.Silence, s.AliveProbability, s.ChurnRisk, s.Orders30, s.Orders90, s.Orders365, s.AverageOrderValue,
                s.LifetimeValue, s.ValuePercentile, s.Propensities, s.Repeats, s.RecencyDays, s.AgeDays, s.PaidRepeats, s.MeanAmount));
        yield return Create("toldScores", (ToldRow? last) => db.Database.SqlQuery<ToldRow>(
            $"""
            SELECT c.id AS "Id", c.model_key AS "Model", c.version AS "Version", c.scored_on AS "ScoredOn", c.told_until AS "Until",
              p.probabilities[n] AS "Probability", p.repeats[n] AS "Repeats", p.recency_days[n] AS "RecencyDays",
              p.age_days[n] AS "AgeDays", p.paid_repeats[n] AS "PaidRepeats", p.mean_amounts[n] AS "MeanAmount"
            FROM score_copy_parts p JOIN score_copies c ON c.id = p.copy_id, array_position(p.customers, {key}) n
            WHERE p.part = {key / ScoreCopyPart.MostCustomers} AND n IS NOT NULL AND c.id > {(last == null ? 0 : last.Id)}
            """).OrderBy(c => c.Id), t => new ToldScore(
                t.Model, t.Version, t.ScoredOn, t.Until, t.Probability, t.Repeats, t.RecencyDays, t.AgeDays, t.PaidRepeats, t.MeanAmount));
        yield return Create("events", (CustomerEvent? last) => db.Events
            .Where(e => e.CustomerKey == key && (last == null || string.Compare(e.Id, last.Id) > 0)).OrderBy(e => e.Id),
            e => EventResource.From(e, id));
        yield return Create("memberships", (MembershipRow? last) =>
            from m in db.Memberships
            where m.CustomerKey == key && (last == null || m.JoinedRevision > last.Joined
                || (m.JoinedRevision == last.Joined && m.SegmentId > last.SegmentId))
            orderby m.JoinedRevision, m.SegmentId
            join s in db.Segments on m.SegmentId equals s.Id
            join j in db.Set<MembershipRevision>() on m.JoinedRevision equals j.Id
            join l in db.Set<MembershipRevision>() on m.LeftRevision equals l.Id into left
            from l in left.DefaultIfEmpty()
            select new MembershipRow(m.JoinedRevision, m.SegmentId, new HeldMembership(
                s.Key, j.At, m.JoinedCause, m.JoinedEvent, l == null ? null : l.At, m.LeftCause, m.LeftEvent)), m => m.Held);
        yield return Create("manualSegments", (ManualRow? last) =>
            from m in db.ManualMembers
            where m.CustomerKey == key && (last == null || m.SegmentId > last.SegmentId)
            orderby m.SegmentId
            join s in db.Segments on m.SegmentId equals s.Id
            select new ManualRow(m.SegmentId, new HeldManualSegment(s.Key, m.AddedAt)), m => m.Held);
        foreach (var part in ListSeen(id, visitors))
        {
            yield return part;
        }
    }

    // Of the customer, and of the visitors that it was seen as.
    private IEnumerable<Part> ListSeen(string id, string[] visitors)
    {
        yield return Create("visitors", (VisitorLink? last) => db.VisitorLinks
            .Where(l => l.CustomerId == id && (last == null || string.Compare(l.VisitorId, last.VisitorId) > 0)).OrderBy(l => l.VisitorId),
            l => new HeldVisitor(l.VisitorId, l.At));
        yield return Create("assignments", (AssignmentRow? last) =>
            from u in db.ExperimentUnits
            where visitors.Contains(u.VisitorId) || visitors.Contains(u.Unit) || u.CustomerId == id
            where last == null || string.Compare(u.Unit, last.Unit) > 0 || (u.Unit == last.Unit
                && (u.ExperimentId > last.ExperimentId || (u.ExperimentId == last.ExperimentId && u.Run > last.Run)))
            orderby u.Unit, u.ExperimentId, u.Run
            join e in db.Experiments on u.ExperimentId equals e.Id
            select new AssignmentRow(u.Unit, u.ExperimentId, u.Run, new HeldAssignment(
                e.Key, u.Run, u.Unit, u.Variant, u.At, u.VisitorId, u.CustomerId)), u => u.Held);
        yield return Create("impressions", (Impression? last) => db.Impressions
            .Where(i => (visitors.Contains(i.VisitorId) || i.CustomerId == id) && (last == null || i.Id > last.Id)).OrderBy(i => i.Id),
            i => new HeldImpression(i.Placement, i.Playbook, i.Version, i.Play, i.At, i.VisitorId, i.CustomerId, i.VisitId));
        yield return Create("exposureReports", (ExposureReport? last) => db.ExposureReports
            .Where(r => visitors.Contains(r.VisitorId) && (last == null || string.Compare(r.VisitorId, last.VisitorId) > 0
                || (r.VisitorId == last.VisitorId && string.Compare(r.Id, last.Id) > 0)))
            .OrderBy(r => r.VisitorId).ThenBy(r => r.Id),
            r => new HeldExposureReport(r.VisitorId, r.Id, r.At));
    }

    // What was said of it, and by whom it was asked for.
    private IEnumerable<Part> ListSayings(string id, string[] texts, string mark, DateTimeOffset since)
    {
        yield return Create("recipients", (DeliveryRow? last) =>
            from d in db.MessagesAbout(id, last == null ? 0 : last.Id)
            orderby d.Id
            join w in db.Webhooks on d.WebhookKey equals w.Key
            select new DeliveryRow(d.Id, w.Id, w.Url, d), d => new Recipient(
                d.Webhook, d.Url, WebhookDelivery.MessageName(d.Message.MessageId), d.Message.SegmentKey,
                d.Message.Joined ? "joined" : "left", d.Message.Cause, d.Message.EventId, d.Message.At, d.Message.QueuedAt,
                d.Message.State, d.Message.Attempts, d.Message.DoneAt));
        yield return Create("requests", (IdempotencyRecord? last) => db.RequestsAbout(texts, last == null ? [] : last.ScopeHash),
            r => new HeldRequest(r.CreatedAt, r.Status));
        yield return Create("rejectedLines", (ImportRejection? last) => db.RejectedLinesAbout(id, texts)
            .Where(r => last == null || r.Key > last.Key).OrderBy(r => r.Key),
            r => r.CustomerId is { } other && other != id
                ? new HeldRejectedLine(r.ImportId, r.Line, "It has another id, and names this customer.", Record: null)
                : new HeldRejectedLine(r.ImportId, r.Line, r.Message, Encoding.UTF8.GetString(r.Record)));

        // Somebody else may have had the id before.
        yield return Create(
            "audit", (AuditMention? last) => db.EntriesAbout(mark, since, last == null ? 0 : last.Id).OrderBy(a => a.Id), a => a);
    }

    private static Part<TRow> Create<TRow>(string name, Func<TRow?, IQueryable<TRow>> after, Func<TRow, object> show)
        where TRow : class => new(name, after, show);

    /// <summary>A property of the document: rows in an order, read on from the one that was written last.</summary>
    private abstract class Part(string name)
    {
        public static Part End { get; } = new Part<object>("", _ => throw new NotSupportedException(), row => row);

        public string Name => name;

        public abstract bool HasBegun { get; }

        public abstract IAsyncEnumerable<object> Read(int count);

        /// <summary>A row as it is written, from which the next page goes on.</summary>
        public abstract object Show(object row);
    }

    private sealed class Part<TRow>(string name, Func<TRow?, IQueryable<TRow>> after, Func<TRow, object> show) : Part(name)
        where TRow : class
    {
        private TRow? last;

        public override bool HasBegun => last is not null;

        public override IAsyncEnumerable<object> Read(int count) => after(last).Take(count).AsNoTracking().AsAsyncEnumerable();

        public override object Show(object row) => show(last = (TRow)row);
    }

    private sealed record ToldRow(
        long Id, string Model, int Version, DateOnly ScoredOn, DateTimeOffset Until, float? Probability, int? Repeats, int? RecencyDays,
        int? AgeDays, int? PaidRepeats, float? MeanAmount);

    private sealed record MembershipRow(long Joined, int SegmentId, HeldMembership Held);

    private sealed record ManualRow(int SegmentId, HeldManualSegment Held);

    private sealed record AssignmentRow(string Unit, int ExperimentId, int Run, HeldAssignment Held);

    private sealed record DeliveryRow(long Id, string Webhook, string Url, WebhookDelivery Message);
}
