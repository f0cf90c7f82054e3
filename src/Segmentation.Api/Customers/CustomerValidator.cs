using FluentValidation;
using FluentValidation.Results;
using Segmentation.Api.Data;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Customers;

/// <summary>
/// What a customer must be: the one check, for single writes and imports alike. Its texts name the field and never quote a value, since an
/// import's errors end up in mails and tickets.
/// </summary>
public sealed class CustomerValidator : AbstractValidator<CustomerResource>
{
    private const string Definitions = nameof(Definitions);
    internal static readonly string TooManyConsents = $"consents must have at most {Customer.SetMaxItems} purposes.";
    private readonly TimeZones zones;
    private readonly TimeProvider time;

    public CustomerValidator(TimeZones zones, TimeProvider time)
    {
        this.zones = zones;
        this.time = time;
        foreach (var (pointer, fault) in ProfileProperties.Checks)
        {
            var name = pointer[1..].Replace('/', '.');
            AddCheck((c, _) => fault(c, zones) is { } message ? [new RuleError(pointer, $"{name} {message}.")] : []);
        }

        AddCheck((c, definitions) => AttributeValues.Faults(c.Attributes, definitions));
        AddCheck((c, _) => ConsentFaults(c.Consents));
    }

    /// <summary>Normalizes what was sent, and says all that is wrong with it.</summary>
    /// <param name="definitions">The registered attributes, by name.</param>
    internal IEnumerable<RuleError> Check(CustomerResource customer, IReadOnlyDictionary<string, CustomerAttribute> definitions)
    {
        customer.Normalize(zones);

        // Building a context and a result is expensive, and nearly all customers of an import have no fault.
        if (ProfileProperties.IsFaultless(customer, zones)
            && !AttributeValues.Faults(customer.Attributes, definitions).Any() && !ConsentFaults(customer.Consents).Any())
        {
            return [];
        }

        var context = new ValidationContext<CustomerResource>(customer);
        context.RootContextData[Definitions] = definitions;
        var result = Validate(context);
        return result.IsValid ? [] : result.Errors.Select(e => new RuleError(e.PropertyName, e.ErrorMessage));
    }

    private IEnumerable<RuleError> ConsentFaults(Dictionary<string, ConsentResource?>? consents)
    {
        if (consents?.Count > Customer.SetMaxItems)
        {
            yield return new RuleError("/consents", TooManyConsents);
            yield break;
        }

        foreach (var (purpose, consent) in consents ?? [])
        {
            var pointer = RuleError.Below("/consents", purpose);
            if (!CustomerNames.IsValid(purpose))
            {
                yield return new RuleError(
                    pointer,
                    $"{ErrorText.Quote(purpose)} is not a purpose's name: a letter, then up to 62 letters, digits or underscores.");
            }
            else if (consent?.Granted is null)
            {
                yield return new RuleError(pointer + "/granted", $"consents.{purpose}.granted must be true or false.");
            }
            else if (ConsentRecordResource.IsTooLate(consent.At, time.GetUtcNow()))
            {
                yield return new RuleError(pointer + "/at", $"consents.{purpose}.at {ConsentRecordResource.TooLate}");
            }
        }
    }

    private void AddCheck(Func<CustomerResource, IReadOnlyDictionary<string, CustomerAttribute>, IEnumerable<RuleError>> faults) =>
        RuleFor(c => c).Custom((c, context) =>
        {
            foreach (var fault in faults(c, (IReadOnlyDictionary<string, CustomerAttribute>)context.RootContextData[Definitions]))
            {
                context.AddFailure(new ValidationFailure(fault.Pointer, fault.Message));
            }
        });
}
