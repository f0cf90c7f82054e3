using System.Globalization;
using FluentValidation;
using FluentValidation.Results;
using Segmentation.Api.Data;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Customers;

/// <summary>
/// What a customer must be: the one check, for single writes and imports alike. Its texts name the field and never quote a value, since an
/// import's errors end up in mails and tickets.
/// </summary>
public sealed class CustomerValidator : AbstractValidator<CustomerResource>
{
    private const string Definitions = nameof(Definitions);
    private readonly TimeZones zones;
    private readonly List<Func<CustomerResource, IReadOnlyDictionary<string, CustomerAttribute>, bool>> faultless = [];

    public CustomerValidator(TimeZones zones)
    {
        this.zones = zones;
        Check("/id", c => c.Id, id => id is null || CustomerIds.IsValid(id) ? null : $"takes 1 to {Customer.IdMaxLength} characters, any but control characters and '/'");
        Text("/email", c => c.Email, Customer.EmailMaxLength);
        Text("/firstName", c => c.FirstName);
        Text("/lastName", c => c.LastName);
        Check("/demographic/birthDate", c => c.Demographic!.BirthDate, date => date is null or { Year: >= 2 and <= 9998 } ? null : "takes a date of the years 2 to 9998");
        Text("/demographic/gender", c => c.Demographic!.Gender);
        Text("/demographic/education", c => c.Demographic!.Education);
        Text("/demographic/occupation", c => c.Demographic!.Occupation);
        Text("/demographic/maritalStatus", c => c.Demographic!.MaritalStatus);
        Text("/demographic/language", c => c.Demographic!.Language);
        Check("/demographic/householdSize", c => c.Demographic!.HouseholdSize, NotNegative);
        Check("/demographic/children", c => c.Demographic!.Children, NotNegative);
        Check("/geographic/country", c => c.Geographic!.Country, text => text is null || Geographic.IsCountry(text) ? null : "takes a country's two letters (ISO 3166-1 alpha-2): \"DE\"");
        Text("/geographic/region", c => c.Geographic!.Region);
        Text("/geographic/city", c => c.Geographic!.City);
        Text("/geographic/postalCode", c => c.Geographic!.PostalCode);
        Check("/geographic/timeZone", c => c.Geographic!.TimeZone, text => text is null || zones.Canonical(text) == text ? null : "takes the IANA name of a time zone: \"Europe/Berlin\"");
        Check("/geographic/climate", c => c.Geographic!.Climate, text => text is null || Geographic.Climates.Contains(text) ? null : $"takes one of {string.Join(", ", Geographic.Climates)}");
        Check("/geographic/location/latitude", c => c.Geographic!.Location, at => at is null or { Latitude: >= -90 and <= 90 } ? null : "takes degrees from -90 to 90, and is given with the longitude or not at all");
        Check("/geographic/location/longitude", c => c.Geographic!.Location, at => at is null or { Longitude: >= -180 and <= 180 } ? null : "takes degrees from -180 to 180, and is given with the latitude or not at all");
        Set("/psychographic/interests", c => c.Psychographic!.Interests);
        Set("/psychographic/values", c => c.Psychographic!.Values);
        Set("/psychographic/attitudes", c => c.Psychographic!.Attitudes);
        Set("/psychographic/motivations", c => c.Psychographic!.Motivations);
        Text("/psychographic/lifestyle", c => c.Psychographic!.Lifestyle);
        Text("/psychographic/personality", c => c.Psychographic!.Personality);
        Check((c, definitions) => AttributeValues.Faults(c.Attributes, definitions));
        Check((c, _) => ConsentFaults(c.Consents));
    }

    /// <summary>Tidies what was sent, and says all that is wrong with it.</summary>
    /// <param name="definitions">The registered attributes, by name.</param>
    internal IEnumerable<RuleError> Check(CustomerResource customer, IReadOnlyDictionary<string, CustomerAttribute> definitions)
    {
        customer.Tidy(zones);

        // Building a context and a result is dear, and nearly all customers of an import have no fault.
        if (faultless.TrueForAll(holds => holds(customer, definitions)))
        {
            return [];
        }

        var context = new ValidationContext<CustomerResource>(customer);
        context.RootContextData[Definitions] = definitions;
        var result = Validate(context);
        return result.IsValid ? [] : result.Errors.Select(e => new RuleError(e.PropertyName, e.ErrorMessage));
    }

    /// <summary>What is wrong with a text, to follow a field's name; null when nothing is. PostgreSQL holds no NUL.</summary>
    internal static string? TextFault(string? text, int maxLength = Customer.TextMaxLength) =>
        text is null ? null
        : text.Length > maxLength ? $"takes at most {maxLength.ToString(CultureInfo.InvariantCulture)} characters"
        : text.Contains('\0', StringComparison.Ordinal) ? "takes no NUL character"
        : null;

    private static string? NotNegative(int? number) => number is null or >= 0 ? null : "takes an integer of 0 or more";

    private static IEnumerable<RuleError> ConsentFaults(Dictionary<string, ConsentResource?>? consents)
    {
        if (consents?.Count > Customer.SetMaxItems)
        {
            yield return new RuleError("/consents", $"consents takes at most {Customer.SetMaxItems} purposes.");
            yield break;
        }

        foreach (var (purpose, consent) in consents ?? [])
        {
            var pointer = RuleError.Below("/consents", purpose);
            if (!CustomerNames.IsValid(purpose))
            {
                yield return new RuleError(pointer, $"{ErrorText.Quote(purpose)} can't be the name of a purpose: a letter, then up to 62 letters, digits or underscores.");
            }
            else if (consent?.Granted is null)
            {
                yield return new RuleError(pointer + "/granted", $"consents.{purpose}.granted takes true or false.");
            }
        }
    }

    private void Text(string pointer, Func<CustomerResource, string?> value, int maxLength = Customer.TextMaxLength) => Check(pointer, value, text => TextFault(text, maxLength));

    private void Set(string pointer, Func<CustomerResource, string?[]?> value) => Check(pointer, value, items =>
        items is null or [] ? null
        : items.Length > Customer.SetMaxItems ? $"takes at most {Customer.SetMaxItems.ToString(CultureInfo.InvariantCulture)} items"
        : items.Contains(null) ? "takes a list of texts"
        : items.Select(item => TextFault(item)).FirstOrDefault(fault => fault is not null));

    private void Check<TValue>(string pointer, Func<CustomerResource, TValue> value, Func<TValue, string?> fault)
    {
        var name = pointer[1..].Replace('/', '.');
        Check((c, _) => fault(value(c)) is { } message ? [new RuleError(pointer, $"{name} {message}.")] : []);
    }

    private void Check(Func<CustomerResource, IReadOnlyDictionary<string, CustomerAttribute>, IEnumerable<RuleError>> faults)
    {
        faultless.Add((c, definitions) => !faults(c, definitions).Any());
        RuleFor(c => c).Custom((c, context) =>
        {
            foreach (var fault in faults(c, (IReadOnlyDictionary<string, CustomerAttribute>)context.RootContextData[Definitions]))
            {
                context.AddFailure(new ValidationFailure(fault.Pointer, fault.Message));
            }
        });
    }
}
