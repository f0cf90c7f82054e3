using Segmentation.Api.Tests;

namespace ClientTests;

/// <summary>The API with the sample, for generated clients; the one database server ends with it.</summary>
public sealed class ClientApi : IAsyncLifetime
{
    private readonly SampleApi sample = new();

    public HttpClient CreateClient() => sample.CreateClient();

    public Task InitializeAsync() => sample.InitializeAsync();

    public async Task DisposeAsync()
    {
        await sample.DisposeAsync();
        await TestDatabase.StopServerAsync();
    }
}
