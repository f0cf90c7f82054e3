using ClientTests.Kiota;
using ClientTests.Kiota.Models;
using Microsoft.Kiota.Abstractions.Authentication;
using Microsoft.Kiota.Abstractions.Serialization;
using Microsoft.Kiota.Http.HttpClientLibrary;

namespace ClientTests;

/// <summary>
/// The client that Microsoft Kiota generates. It has two types for what is answered and what is sent, with the same properties.
/// </summary>
internal sealed class GeneratedByKiota(HttpClient http) : IGeneratedClient
{
    private readonly KiotaClient client = new(new HttpClientRequestAdapter(new AnonymousAuthenticationProvider(), httpClient: http)
    {
        BaseUrl = http.BaseAddress!.ToString().TrimEnd('/'),
    });

    public async Task PutSegmentBackAsync(string key)
    {
        var segment = await client.Api.V1.Segments[key].GetAsync();
        await client.Api.V1.Segments[key].PutAsync(await SendAsync(segment!, SegmentInput.CreateFromDiscriminatorValue));
    }

    public async Task PutCustomerBackAsync(string id)
    {
        var customer = await client.Api.V1.Customers[id].GetAsync();
        await client.Api.V1.Customers[id].PutAsync(await SendAsync(customer!, CustomerInput.CreateFromDiscriminatorValue));
    }

    public async Task PutAttributeBackAsync(string name)
    {
        var attribute = await client.Api.V1.Attributes[name].GetAsync();
        await client.Api.V1.Attributes[name].PutAsync(await SendAsync(attribute!, AttributeInput.CreateFromDiscriminatorValue));
    }

    public async Task PutWebhookBackAsync(string id)
    {
        var webhook = await client.Api.V1.Webhooks[id].GetAsync();
        await client.Api.V1.Webhooks[id].PutAsync(await SendAsync(webhook!, WebhookInput.CreateFromDiscriminatorValue));
    }

    private static async Task<T> SendAsync<T>(IParsable answered, ParsableFactory<T> factory) where T : IParsable =>
        (await KiotaJsonSerializer.DeserializeAsync(await KiotaJsonSerializer.SerializeAsStringAsync(answered), factory))!;
}
