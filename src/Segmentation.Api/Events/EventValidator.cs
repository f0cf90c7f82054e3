using System.Runtime.InteropServices;
using System.Text.Json;
using FluentValidation;
using FluentValidation.Results;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Events;

/// <summary>What an event must be. What could fail a query later is refused here. Its texts never quote a value.</summary>
public sealed class EventValidator : AbstractValidator<EventResource>
{
    /// <summary>How far a sender's clock may be ahead of the service's.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(5);

    private readonly List<Predicate<EventResource>> faultless = [];

    public EventValidator(EventHorizon horizon, TimeProvider time)
    {
        AddCheck("/id", e => e.Id, id => id is null ? null
            : id.Length is 0 or > CustomerEvent.IdMaxLength || id.Any(char.IsControl)
            ? $"must have 1 to {CustomerEvent.IdMaxLength} characters, none of them a control character"
            : null);
        AddCheck("/customerId", e => e.CustomerId, id => CustomerIds.IsValid(id) ? null
            : id is null ? "is missing: it says whose event it is"
            : CustomerIds.Requirement);
        AddCheck(
            "/type",
            e => e.Type,
            type => type is null ? "is missing: it says what happened" : ProfileFaults.TextFault(type, CustomerEvent.TypeMaxLength));
        AddCheck("/occurredAt", e => e.OccurredAt, at => at - time.GetUtcNow() > MaxAhead ? "must not be more than 5 minutes ahead"
            : horizon.FindFault(at));
        AddCheck(
            "/currency",
            e => e.Currency,
            code => code is null || (code.Length == CustomerEvent.CurrencyLength && code.All(char.IsAsciiLetter))
                ? null
                : "must be a currency's three letters (ISO 4217): \"EUR\"");
        AddCheck("/channel", e => e.Channel, channel => ProfileFaults.TextFault(channel, CustomerEvent.ChannelMaxLength));
        AddCheck("/properties", e => e.Properties, PropertiesFault);
    }

    /// <summary>Normalizes what was sent, and says all that is wrong with it.</summary>
    internal IEnumerable<RuleError> Check(EventResource e)
    {
        e.Normalize();

        // As for customers: a context and a result are expensive, and nearly all events have no fault.
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
        { ValueKind: not JsonValueKind.Object } => "must be an object",
        { } json when JsonMarshal.GetRawUtf8Value(json).Length > CustomerEvent.PropertiesMaxBytes =>
            $"must have at most {CustomerEvent.PropertiesMaxBytes / 1024} KiB",
        { } json => Json.Unfit(json, CustomerEvent.PropertiesMaxDepth) is { } fault ? $"can't be stored: {fault.TrimEnd('.')}" : null,
    };

    private void AddCheck<TValue>(string pointer, Func<EventResource, TValue> value, Func<TValue, string?> fault)
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
