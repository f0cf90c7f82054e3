using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>
/// A customer. The property names are those of the rule language. Read-only properties are ignored in requests; null is the same as
/// leaving out.
/// </summary>
public sealed class CustomerResource
{
    /// <summary>
    /// Your own id: 1 to 128 characters, any but control characters and '/', no white space at either end, not '.', '..', 'export' or
    /// 'import'. A UUIDv7 is made when a POST has none.
    /// </summary>
    [AlwaysAnswered]
    public string? Id { get; set; }

    /// <summary>An email address; it need not be unique.</summary>
    public string? Email { get; set; }

    /// <summary>Given name.</summary>
    public string? FirstName { get; set; }

    /// <summary>Family name.</summary>
    public string? LastName { get; set; }

    [AlwaysAnswered]
    public DemographicResource? Demographic { get; set; }

    [AlwaysAnswered]
    public GeographicResource? Geographic { get; set; }

    [AlwaysAnswered]
    public PsychographicResource? Psychographic { get; set; }

    /// <summary>An object: the values of registered attributes, by name.</summary>
    [AlwaysAnswered]
    public JsonElement? Attributes { get; set; }

    /// <summary>The consents that stand, by purpose. Sent, each that differs is recorded; one that is left out stays as it is. In a PATCH
    /// and in an import a null withdraws.</summary>
    [AlwaysAnswered]
    public Dictionary<string, ConsentResource?>? Consents { get; set; }

    /// <summary>When the customer signed up.</summary>
    public DateTimeOffset? SignedUpAt { get; set; }

    /// <summary>The earlier of what was sent and the first event.</summary>
    public DateTimeOffset? FirstSeenAt { get; set; }

    /// <summary>The later of what was sent and the last event.</summary>
    public DateTimeOffset? LastSeenAt { get; set; }

    /// <summary>What orders and refunds add up to.</summary>
    [ReadOnly(true)]
    [AlwaysAnswered]
    public ValueResource? Value { get; set; }

    /// <summary>What events add up to.</summary>
    [ReadOnly(true)]
    [AlwaysAnswered]
    public BehavioralResource? Behavioral { get; set; }

    /// <summary>What models expect of the customer; missing without a model, and without an order.</summary>
    [ReadOnly(true)]
    public PredictedResource? Predicted { get; set; }

    /// <summary>True while its processing is restricted, so that it is a member of nothing; else missing.</summary>
    [ReadOnly(true)]
    public bool? Restricted { get; set; }

    /// <summary>When the service first held the customer.</summary>
    [ReadOnly(true)]
    [AlwaysAnswered]
    public DateTimeOffset? CreatedAt { get; set; }

    /// <summary>When the profile was last written; events don't count.</summary>
    [ReadOnly(true)]
    [AlwaysAnswered]
    public DateTimeOffset? UpdatedAt { get; set; }

    /// <summary>What its JSON does not show.</summary>
    [JsonIgnore]
    internal SensitiveFields Hidden { get; private init; } = SensitiveFields.None;

    /// <summary>The customer as it stands.</summary>
    /// <param name="now">The instant that ages and days are reckoned at, in UTC.</param>
    /// <param name="thresholds">What its RFM scores are by.</param>
    /// <param name="hidden">What the caller must not see.</param>
    internal static CustomerResource From(Customer customer, DateTimeOffset now, RfmThresholds thresholds, SensitiveFields hidden)
    {
        var resource = new CustomerResource
        {
            Hidden = hidden,
            Demographic = new(),
            Geographic = new(),
            Psychographic = new(),
            Value = new(),
            Behavioral = new(),
            Attributes = customer.Attributes ?? EmptyObject,
            Consents = CustomerConsents.Read(customer),
            Restricted = customer.RestrictedAt is null ? null : true,
        };
        ProfileProperties.Show(customer, resource, now);
        resource.Behavioral.Silence = customer.Scores?.Silence;
        resource.Predicted = PredictedResource.From(customer.Scores);
        if (thresholds.Score(customer) is var (recency, frequency, monetary))
        {
            (resource.Value.RfmRecency, resource.Value.RfmFrequency, resource.Value.RfmMonetary) = (recency, frequency, monetary);
            resource.Value.RfmGroup = RfmGroups.Name(recency, frequency, monetary);
        }

        hidden.Clear(resource);
        return resource;
    }

    /// <summary>
    /// Makes the customer what this says: the whole profile, and nothing that events made; consents that it does not name stay. Only for
    /// what <see cref="CustomerValidator"/> found no fault in.
    /// </summary>
    /// <param name="definitions">The registered attributes that it carries.</param>
    internal void ApplyTo(Customer customer, IReadOnlyDictionary<string, CustomerAttribute> definitions, DateTimeOffset now)
    {
        ProfileProperties.Apply(this, customer);
        (customer.Attributes, customer.AttributesFolded) = AttributeValues.CreateDocuments(Attributes, definitions);
        CustomerConsents.Take(customer, Consents, now);
        customer.UpdatedAt = now;
        customer.Version++;
    }

    /// <summary>
    /// Brings what was sent into the form that is stored: texts trimmed and blank ones left out, lists without
    /// repetition, codes in their case.
    /// </summary>
    internal void Normalize(TimeZones zones)
    {
        Demographic ??= new();
        Geographic ??= new();
        Psychographic ??= new();
        ProfileProperties.Normalize(this, zones);
        if (Consents is not null)
        {
            foreach (var (purpose, _) in Consents.Where(c => c.Value is null).ToArray())
            {
                Consents.Remove(purpose);
            }
        }
    }

    internal static readonly JsonElement EmptyObject = JsonElement.Parse("{}");
}
