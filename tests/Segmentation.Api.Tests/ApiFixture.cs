using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests;

/// <summary>The whole API on a real socket, over a database of its own.</summary>
public sealed class ApiFixture : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private Server server = null!;

    public string ConnectionString { get; private set; } = null!;

    public Api Api => server.Api;

    public Server Host => server;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        ConnectionString = await databases.CreateDatabaseAsync();
        server = new Server(ConnectionString, [("Cors:Origins:0", "https://app.example"), ("Privacy:KeepProperties", "plan")]);
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await databases.DisposeAsync();
    }

    /// <summary>The API on a free port of the loopback address.</summary>
    public sealed class Server : WebApplicationFactory<Program>
    {
        private readonly string connectionString;
        private readonly (string Key, string Value)[] settings;
        private readonly bool migrate;
        private readonly Action<IServiceCollection>? services;

        public Server(
            string connectionString,
            (string Key, string Value)[]? settings = null,
            bool migrate = true,
            Action<IServiceCollection>? services = null)
        {
            (this.connectionString, this.settings, this.migrate, this.services) = (connectionString, settings ?? [], migrate, services);
            UseKestrel(0);
            StartServer();
            var address = Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
            Api = new Api(new HttpClient(handler) { BaseAddress = new Uri(address), Timeout = Wait.Patience });
        }

        public Api Api { get; }

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseEnvironment("Testing");
            builder.UseSetting("Swagger:Enabled", "true");
            builder.UseSetting("Database:MigrateOnStart", migrate ? "true" : "false");
            builder.UseSetting("ConnectionStrings:Segmentation", TestDatabase.ConnectAs(DatabaseRoles.App, connectionString));
            builder.UseSetting("ConnectionStrings:SegmentationOwner", connectionString);
            builder.UseFastSenders();
            foreach (var (key, value) in settings)
            {
                builder.UseSetting(key, value);
            }

            if (services is not null)
            {
                builder.ConfigureServices(services);
            }
        }
    }
}

/// <summary>An answer of the API, read to its end.</summary>
public sealed record Answer(int Status, string Body, HttpResponseMessage Message)
{
    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Body);

    public string? ContentType => Message.Content.Headers.ContentType?.MediaType;

    public string? ETag => Message.Headers.ETag?.ToString();

    /// <summary>The version that the ETag names, without the mark of what is shown: <c>"3"</c>.</summary>
    public string? Version => ETag?.Split('-')[0].TrimEnd('"') + "\"";

    /// <summary>The keys of problem details' errors, in order.</summary>
    public string[] Faults => Json.TryGetProperty("errors", out var errors)
        ? [.. errors.EnumerateObject().Select(e => e.Name).Order(StringComparer.Ordinal)]
        : [];

    public JsonElement this[string name] => Json.GetProperty(name);

    public Answer Expect(params int[] statuses)
    {
        Assert.True(
            statuses.Contains(Status),
            $"{Message.RequestMessage?.Method} {Message.RequestMessage?.RequestUri?.PathAndQuery}: {Status} instead of "
            + $"{string.Join(" or ", statuses)}\n{Body}");
        return this;
    }
}

/// <summary>Speaks to the API.</summary>
public sealed class Api(HttpClient client)
{
    public HttpClient Client => client;

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) =>
        SendAsync("GET", path, null, headers: headers);

    public Task<Answer> PutAsync(string path, string body, params (string Name, string Value)[] headers) =>
        SendAsync("PUT", path, body, headers: headers);

    public Task<Answer> PostAsync(string path, string body, params (string Name, string Value)[] headers) =>
        SendAsync("POST", path, body, headers: headers);

    public Task<Answer> PatchAsync(string path, string body, params (string Name, string Value)[] headers) =>
        SendAsync("PATCH", path, body, "application/merge-patch+json", headers);

    public Task<Answer> DeleteAsync(string path, params (string Name, string Value)[] headers) =>
        SendAsync("DELETE", path, null, headers: headers);

    public async Task<Answer> SendAsync(
        string method, string path, string? body, string contentType = "application/json", params (string Name, string Value)[] headers) =>
            await SendAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), contentType, headers);

    public async Task<Answer> SendAsync(
        string method, string path, byte[]? body, string? contentType, (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path.StartsWith('/') ? path : "/api/v1/" + path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            if (contentType is not null)
            {
                request.Content.Headers.ContentType = MediaTypeHeaderValue.TryParse(contentType, out var parsed) ? parsed : null;
            }
        }

        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.TryAddWithoutValidation(name, value); // Content-Encoding is the body's.
            }
        }

        var response = await client.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response);
    }

    /// <summary>All items of a list, page by page.</summary>
    public async Task<List<JsonElement>> AllAsync(string path, int limit = 100)
    {
        List<JsonElement> items = [];
        string? cursor = null;
        do
        {
            var page = (await GetAsync(
                $"{path}{(path.Contains('?') ? '&' : '?')}limit={limit}{(cursor is null ? "" : $"&cursor={cursor}")}")).Expect(200);
            items.AddRange(page["items"].EnumerateArray());
            cursor = page["nextCursor"].GetString();
        }
        while (cursor is not null);
        return items;
    }
}
