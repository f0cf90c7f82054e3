using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Segmentation.Api.Tests.Access;

/// <summary>An identity provider on this machine: it signs tokens, and shows its public keys.</summary>
public sealed class IdentityProvider : IAsyncDisposable
{
    public const string Issuer = "https://login.example";
    public const string Audience = "segmentation";

    private readonly RsaSecurityKey rsa = new(RSA.Create(2048)) { KeyId = "rsa-1" };
    private readonly ECDsaSecurityKey ec = new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = "ec-1" };
    private readonly WebApplication app;

    private IdentityProvider(WebApplication app) => this.app = app;

    public (string Key, string Value)[] Settings =>
    [
        ("Access:Jwt:Issuer", Issuer), ("Access:Jwt:JwksUri", $"{app.Urls.First()}/keys"), ("Access:Jwt:Audience", Audience),
    ];

    public static async Task<IdentityProvider> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var provider = new IdentityProvider(builder.Build());
        provider.app.MapGet("/keys", () => Results.Text(provider.WriteKeys(), "application/json"));
        await provider.app.StartAsync();
        return provider;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    public Task GoAwayAsync() => app.StopAsync();

    /// <summary>A token; what is given is what differs from a good one.</summary>
    public string Sign(
        string scope, string subject = "alice", string algorithm = "RS256", string audience = Audience, string issuer = Issuer,
        string? kid = null, TimeSpan? expires = null)
    {
        SecurityKey key = algorithm[0] == 'E'
            ? new ECDsaSecurityKey(ec.ECDsa) { KeyId = kid ?? ec.KeyId }
            : new RsaSecurityKey(rsa.Rsa) { KeyId = kid ?? rsa.KeyId };
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            IssuedAt = DateTime.UtcNow.AddDays(-1),
            NotBefore = DateTime.UtcNow.AddDays(-1),
            Expires = DateTime.UtcNow + (expires ?? TimeSpan.FromHours(1)),
            Claims = new Dictionary<string, object> { ["sub"] = subject, ["scope"] = scope },
            SigningCredentials = new SigningCredentials(key, algorithm),
        });
    }

    /// <summary>The same without a signature.</summary>
    public string SignNot(string scope) => $"{Encode("""{"alg":"none","typ":"JWT"}""")}.{Sign(scope).Split('.')[1]}.";

    /// <summary>The same, signed with what everybody knows as if it were a secret.</summary>
    public string SignWithThePublicKey(string scope)
    {
        var start = $"{Encode("""{"alg":"HS256","typ":"JWT","kid":"rsa-1"}""")}.{Sign(scope).Split('.')[1]}";
        var secret = Encoding.ASCII.GetBytes(rsa.Rsa.ExportSubjectPublicKeyInfoPem());
        return $"{start}.{Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(start)))}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private string WriteKeys()
    {
        var (r, e) = (rsa.Rsa.ExportParameters(false), ec.ECDsa.ExportParameters(false));
        return JsonSerializer.Serialize(new
        {
            keys = new object[]
            {
                new
                {
                    kty = "RSA", use = "sig", kid = rsa.KeyId, n = Base64Url.EncodeToString(r.Modulus),
                    e = Base64Url.EncodeToString(r.Exponent),
                },
                new
                {
                    kty = "EC", use = "sig", kid = ec.KeyId, crv = "P-256", x = Base64Url.EncodeToString(e.Q.X),
                    y = Base64Url.EncodeToString(e.Q.Y),
                },
            },
        });
    }
}
