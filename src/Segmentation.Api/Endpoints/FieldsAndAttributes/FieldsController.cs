using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>What rules may ask: the catalog, in the form that react-querybuilder takes.</summary>
[ApiController]
[Route("api/v1/fields")]
[Tags("Fields")]
[RequiresScope(Scopes.SegmentsRead)]
[Produces("application/json")]
public sealed class FieldsController(
    FieldDirectory directory, FieldSuggestions suggestions, PlaybookReferences playbooks, SegmentQuery query, SensitiveReads sensitive)
    : ControllerBase
{
    // Their values name single customers.
    private static readonly string[] Personal = ["customer.id", .. SensitiveFields.Named];

    /// <summary>All fields with their operators, as react-querybuilder's option groups.</summary>
    /// <remarks>
    /// <c>consent.PURPOSE</c> is listed for every purpose that customers have recorded or a segment names. The <c>properties.NAME</c> of
    /// events are those of the last 100,000 events, an equal share of each type: at most 200, those that most events have, with the
    /// operators that fit the types of their values. What was found is remembered for 20 times as long as it took to find.
    /// </remarks>
    /// <param name="for"><c>customer</c> (the default); <c>event</c> for the fields of one event alone, as they are in
    /// <c>subproperties</c>; or <c>context</c> for those of the rules of plays: <c>context.custom.NAME</c> is listed where a playbook that
    /// is not archived names it.</param>
    [HttpGet]
    [ProducesResponseType<IReadOnlyList<FieldGroup>>(StatusCodes.Status200OK)]
    public async Task<IReadOnlyList<FieldGroup>> List(FieldOwner? @for, CancellationToken cancellation)
    {
        var ofEvents = FieldOption.ListForEvents(await directory.ListForEventsAsync(cancellation));
        if (@for == FieldOwner.Event)
        {
            return [new FieldGroup("Event", "event", ofEvents)];
        }

        if (@for == FieldOwner.Context)
        {
            var context = await playbooks.ListContextFieldsAsync(cancellation);
            return [new FieldGroup("Context", "context", FieldOption.List(context, [], ofEvents))];
        }

        var (fields, segments) = await directory.ListAsync(cancellation);
        var options = FieldOption.List(fields, segments, ofEvents);
        return
        [
            .. fields.Zip(options).GroupBy(f => f.First.Kind, f => f.Second)
                .Select(g => new FieldGroup(char.ToUpperInvariant(g.Key[0]) + g.Key[1..], g.Key, [.. g])),
        ];
    }

    /// <summary>Suggests values that are seen in the data; of numbers and dates the least and the greatest.</summary>
    /// <remarks>Texts are compared as rules compare them, and each is listed once, in one of its spellings. What is inside events, but for
    /// their types and times, is of the last 100,000 events, an equal share of each type. Ids, emails and names of customers need the scope
    /// <c>customers:read</c> as well.</remarks>
    /// <param name="name">A field; one of events by its name after <c>behavioral.events.</c> (<c>behavioral.events.channel</c>,
    /// <c>behavioral.events.properties.category</c>); <c>consent</c> for the purposes; or <c>type</c>, an event's type.</param>
    /// <param name="prefix">How they begin, whatever the case. Of segments the key or the name.</param>
    [HttpGet("{name}/values")]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<FieldValues>(StatusCodes.Status200OK)]
    public async Task<FieldValues> Values(string name, string? prefix, CancellationToken cancellation)
    {
        if (Personal.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            HttpContext.Caller.Require(Scopes.CustomersRead);
        }

        var all = (await query.DefinitionsAsync(cancellation)).Sensitive;
        if (all.IsName(name, isField: true))
        {
            await sensitive.ReadAsync(all, $"fields/{name}", cancellation); // Who must not was refused before.
        }

        return await suggestions.ReadAsync(name, Paging.Text(prefix ?? "", "prefix"), cancellation);
    }
}

/// <summary>What has fields.</summary>
public enum FieldOwner { Customer, Event, Context }
