using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Segmentation.Api.Access;

/// <summary>
/// The identity provider's keys. While it can't be reached those that are known go on, and where none are known no token is valid: nobody
/// waits for it longer than five seconds, and only the first do.
/// </summary>
internal sealed class ProviderKeys : IConfigurationManager<OpenIdConnectConfiguration>, IDisposable
{
    private const int MaxDocumentBytes = 1024 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(30);
    private static readonly OpenIdConnectConfiguration None = new();

    private readonly ConfigurationManager<OpenIdConnectConfiguration> provider;
    private readonly HttpClient http;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private long failedAt;

    public ProviderKeys(JwtOptions jwt, TimeProvider time, ILogger<ProviderKeys> logger)
    {
        (this.time, this.logger) = (time, logger);
        http = new HttpClient { Timeout = Patience, MaxResponseContentBufferSize = MaxDocumentBytes };
        var address = jwt.JwksUri ?? $"{jwt.Authority!.TrimEnd('/')}/.well-known/openid-configuration";
        var reader = new HttpDocumentRetriever(http) { RequireHttps = !new Uri(address).IsLoopback };
        IConfigurationRetriever<OpenIdConnectConfiguration> retriever =
            jwt.JwksUri is null ? new OpenIdConnectConfigurationRetriever() : new KeysAlone(jwt.Issuer!);
        provider = new(address, retriever, reader) { RefreshInterval = RefreshInterval };
    }

    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
    {
        var failed = Interlocked.Read(ref failedAt);
        if (failed != 0 && time.GetElapsedTime(failed) < Patience)
        {
            return None;
        }

        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(Patience);
        try
        {
            var found = await provider.GetConfigurationAsync(late.Token);
            Interlocked.Exchange(ref failedAt, 0);
            return found;
        }
        catch (Exception away) when (!cancel.IsCancellationRequested)
        {
            Interlocked.Exchange(ref failedAt, time.GetTimestamp());
            logger.LogWarning("The identity provider's keys can't be read, so that no token is valid ({Why})", away.GetType().Name);
            return None;
        }
    }

    /// <summary>Asks for the keys anew, in the background and every 30 seconds at most: a token names one that is not known.</summary>
    public void RequestRefresh() => provider.RequestRefresh();

    public void Dispose() => http.Dispose();

    /// <summary>Reads a list of keys that no discovery document stands before.</summary>
    private sealed class KeysAlone(string issuer) : IConfigurationRetriever<OpenIdConnectConfiguration>
    {
        public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(
            string address, IDocumentRetriever retriever, CancellationToken cancel)
        {
            var configuration = new OpenIdConnectConfiguration
            {
                Issuer = issuer,
                JsonWebKeySet = new JsonWebKeySet(await retriever.GetDocumentAsync(address, cancel)),
            };
            foreach (var key in configuration.JsonWebKeySet.GetSigningKeys())
            {
                configuration.SigningKeys.Add(key);
            }

            return configuration;
        }
    }
}
