using System.Text.Json;
using ClientTests.NSwag;

namespace ClientTests;

/// <summary>The client that NSwag generates. It has two types for what is answered and what is sent, with the same properties.</summary>
internal sealed class GeneratedByNSwag(HttpClient http) : IGeneratedClient
{
    public async Task PutSegmentBackAsync(string key)
    {
        var segments = new SegmentsClient(http);
        await segments.PutAsync(key, Send<SegmentInput>(await segments.GetAsync(key)));
    }

    public async Task PutCustomerBackAsync(string id)
    {
        var customers = new CustomersClient(http);
        await customers.PutAsync(id, Send<CustomerInput>(await customers.GetAsync(id)));
    }

    public async Task PutAttributeBackAsync(string name)
    {
        var attributes = new AttributesClient(http);
        await attributes.PutAsync(name, Send<AttributeInput>(await attributes.GetAsync(name)));
    }

    public async Task PutWebhookBackAsync(string id)
    {
        var webhooks = new WebhooksClient(http);
        await webhooks.PutAsync(id, Send<WebhookInput>(await webhooks.GetAsync(id)));
    }

    private static T Send<T>(object answered) => JsonSerializer.Deserialize<T>(JsonSerializer.Serialize(answered))!;
}
