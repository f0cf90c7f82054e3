using System.Runtime.InteropServices;
using System.Text.Json;
using FluentValidation;
using FluentValidation.Results;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules;

namespace Segmentation.Api.Events;

/// <summary>What an event must be. What could fail a query later is refused here. Its texts never quote a value.</summary>
public sealed class EventValidator : AbstractValidator<EventResource>
{
    /// <summary>How far a sender's clock may be ahead of the service's.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(5);

    private readonly List<Predicate<EventResource>> faultless = [];

    public EventValidator(TimeProvider time)
    {
        Check("/id", e => e.Id, id => id is null ? null
            : id.Length is 0 or > CustomerEvent.IdMaxLength || id.Any(char.IsControl) ? $"takes 1 to {CustomerEvent.IdMaxLength} characters, none of them a control character" : null);
        Check("/customerId", e => e.CustomerId, id => CustomerIds.IsValid(id) ? null : $"takes a customer's id: 1 to {Customer.IdMaxLength} characters, without control characters and '/'");
        Check("/type", e => e.Type, type => type is null ? "is missing: it says what happened" : ProfileFaults.TextFault(type, CustomerEvent.TypeMaxLength));
        Check("/occurredAt", e => e.OccurredAt, at => at - time.GetUtcNow() > MaxAhead ? "lies more than 5 minutes ahead" : null);
        Check("/currency", e => e.Currency, code => code is null || (code.Length == CustomerEvent.CurrencyLength && code.All(char.IsAsciiLetter)) ? null : "takes a currency's three letters (ISO 4217): \"EUR\"");
        Check("/channel", e => e.Channel, channel => ProfileFaults.TextFault(channel, CustomerEvent.ChannelMaxLength));
        Check("/properties", e => e.Properties, PropertiesFault);
    }

    /// <summary>Tidies what was sent, and says all that is wrong with it.</summary>
    internal IEnumerable<RuleError> Check(EventResource e)
    {
        e.Tidy();

        // As for customers: a context and a result are dear, and nearly all events have no fault.
        if (faultless.TrueForAll(holds => holds(e)))
        {
            return [];
        }

        var result = Validate(e);
        return result.IsValid ? [] : result.Errors.Select(fault => new RuleError(fault.PropertyName, fault.ErrorMessage));
    }

    private static string? PropertiesFault(JsonElement? properties) => properties switch
    {
        null or { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: not JsonValueKind.Object } => "takes an object",
        { } sent when JsonMarshal.GetRawUtf8Value(sent).Length > CustomerEvent.PropertiesMaxBytes => $"takes at most {CustomerEvent.PropertiesMaxBytes / 1024} KiB",
        { } sent => Json.Unfit(sent, CustomerEvent.PropertiesMaxDepth) is { } fault ? $"can't be kept: {fault.TrimEnd('.')}" : null,
    };

    private void Check<TValue>(string pointer, Func<EventResource, TValue> value, Func<TValue, string?> fault)
    {
        faultless.Add(e => fault(value(e)) is null);
        RuleFor(e => e).Custom((e, context) =>
        {
            if (fault(value(e)) is { } message)
            {
                context.AddFailure(new ValidationFailure(pointer, $"{pointer[1..]} {message}."));
            }
        });
    }
}
