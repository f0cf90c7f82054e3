using System.Security.Cryptography;
using System.Text;
using Segmentation.Api.Access;
using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Access.AccessWorld;

namespace Segmentation.Api.Tests.Access;

/// <summary>What a page may ask with a public key: of visitors, and of those customers whom its server has signed.</summary>
public sealed class PublicKeyTests(AccessWorld world) : IClassFixture<AccessWorld>
{
    private const string Flags = "/ofrep/v1/evaluate/flags";

    private Api Api => world.Api;

    [Fact]
    public async Task Customer_IsOnlyDecidedForWithItsProof()
    {
        var all = With(world.Everything);
        var made = (await Api.PostAsync("api-keys", """{"name":"shop","scopes":["decisions:public"]}""", all)).Expect(201);
        var (secret, publicKey) = (made["secret"].GetString()!, made["publicKey"].GetString()!);
        Assert.Equal(publicKey, (await Api.GetAsync($"api-keys/{made["id"].GetString()}", all)).Expect(200)["publicKey"].GetString());
        var customer = $"c ü{SegmentApi.NextNumber()}";
        (await Api.PutAsync($"customers/{Uri.EscapeDataString(customer)}", "{}", all)).Expect(201);
        var proof = Prove(secret, customer);

        // The contract's own words: the secret itself is a key too, whoever holds it.
        foreach (var caller in new[] { With(publicKey), With(secret) })
        {
            foreach (var (body, status) in new[]
            {
                ("\"visitorId\":\"v\"", 200),
                ($"\"visitorId\":\"{customer}\"", 200),
                ($"\"customerId\":\"{customer}\"", 403),
                ($"\"customerId\":\"{customer}\",\"customerProof\":null", 403),
                ($"\"customerId\":\"{customer}\",\"customerProof\":\"\"", 403),
                ($"\"customerId\":\"{customer}\",\"customerProof\":\"{proof}\"", 200),
                ($"\"customerId\":\"{customer}\",\"customerProof\":\"{proof.ToUpperInvariant()}\"", 200),
                ($"\"customerId\":\"{customer}\",\"customerProof\":\"{proof[..^1]}x\"", 403),
                ($"\"customerId\":\"{customer}\",\"customerProof\":\"{proof[..^2]}\"", 403),
                ($"\"customerId\":\"another\",\"customerProof\":\"{proof}\"", 403),
                ($"\"customerId\":\"another\",\"customerProof\":\"{Prove(publicKey, "another")}\"", 403),
                ($"\"customerId\":\"{customer}\",\"customerProof\":\"{proof}\",\"explain\":true", 403),
                ("\"visitorId\":\"v\",\"explain\":true", 403),
            })
            {
                (await Api.PostAsync("decisions", $"{{{body}}}", caller)).Expect(status);
            }

            foreach (var (context, status) in new[]
            {
                ($"\"targetingKey\":\"{customer}\"", 403),
                ($"\"targetingKey\":\"{customer}\",\"anonymous\":true", 200),
                ($"\"targetingKey\":\"{customer}\",\"customerProof\":\"{proof}\"", 200),
                ($"\"targetingKey\":\"v\",\"customerId\":\"{customer}\",\"customerProof\":\"{proof}\"", 200),
                ($"\"targetingKey\":\"v\",\"customerId\":\"{customer}\",\"customerProof\":\"{Prove(secret, "v")}\"", 403),
            })
            {
                foreach (var path in new[] { Flags, $"{Flags}/no-such" })
                {
                    var answer = await Api.PostAsync(path, $"{{\"context\":{{{context}}}}}", caller);
                    answer.Expect(status == 200 && path != Flags ? 404 : status);
                    Assert.Equal(status == 403 ? "application/problem+json" : "application/json", answer.ContentType);
                }
            }
        }

        // What was seen, alike; of several none where one is not proven.
        foreach (var (body, status) in new[]
        {
            ("{\"visitorId\":\"v\",EXPOSURES}", 200),
            ($"{{\"customerId\":\"{customer}\",EXPOSURES}}", 403),
            ($"{{\"visitorId\":\"v\",\"customerId\":\"{customer}\",\"customerProof\":\"{Prove(secret, "v")}\",EXPOSURES}}", 403),
            ($"{{\"visitorId\":\"v\",\"customerId\":\"{customer}\",\"customerProof\":\"{proof}\",EXPOSURES}}", 200),
            ($"[{{\"visitorId\":\"v\",EXPOSURES}},{{\"customerId\":\"{customer}\",EXPOSURES}}]", 403),
        })
        {
            var sent = body.Replace("EXPOSURES", "\"exposures\":[\"play:a/b@1/c\"]", StringComparison.Ordinal);
            (await Api.PostAsync("exposures", sent, With(publicKey))).Expect(status);
        }

        // Servers need none.
        var server = With(await world.AddKeyAsync([Scopes.Decisions]));
        (await Api.PostAsync("decisions", $$"""{"customerId":"{{customer}}"}""", server)).Expect(200);

        // The page's form of the key can do that one thing alone, and ends with it.
        (await Api.GetAsync("segments", With(publicKey))).Expect(403);
        (await Api.PostAsync("events", "{}", With(publicKey))).Expect(403);
        (await Api.PostAsync("decisions", """{"visitorId":"v"}""", With(publicKey[..^1] + (publicKey[^1] == 'x' ? 'y' : 'x')))).Expect(401);
        (await Api.DeleteAsync($"api-keys/{made["id"].GetString()}", all)).Expect(204);
        (await Api.PostAsync("decisions", """{"visitorId":"v"}""", With(publicKey))).Expect(401);
    }

    [Fact]
    public async Task PublicForm_OfAKeyWithMore_IsGoodForDecisionsAlone_AndOfOneWithoutIsNone()
    {
        var all = With(world.Everything);
        var id = ApiKeyToken.Read(await world.AddKeyAsync([Scopes.DecisionsPublic, Scopes.SegmentsRead, Scopes.Decisions]))!.Id;
        var page = With(PublicKey.Write(id));
        (await Api.GetAsync("segments", page)).Expect(403);
        (await Api.PostAsync("decisions", """{"customerId":"c"}""", page)).Expect(403);
        (await Api.PostAsync("decisions", """{"visitorId":"v","explain":true}""", page)).Expect(403);
        (await Api.PatchAsync($"api-keys/{id}", """{"scopes":["segments:read"]}""", all)).Expect(200);
        (await Api.PostAsync("decisions", """{"visitorId":"v"}""", page)).Expect(401);
        Assert.False((await Api.GetAsync($"api-keys/{id}", all)).Expect(200).Json.TryGetProperty("publicKey", out _));

        // A token of the identity provider has no secret that proofs are made with.
        var token = With(world.Provider.Sign(Scopes.DecisionsPublic));
        (await Api.PostAsync("decisions", """{"visitorId":"v"}""", token)).Expect(200);
        (await Api.PostAsync("decisions", $$"""{"customerId":"c","customerProof":"{{new string('0', 64)}}"}""", token)).Expect(403);
    }

    [Fact]
    public async Task Proof_AfterARotation_HoldsByEitherSecretWhileItLives()
    {
        var all = With(world.Everything);
        var made = (await Api.PostAsync("api-keys", """{"name":"shop","scopes":["decisions:public"]}""", all)).Expect(201);
        var (address, page) = ($"api-keys/{made["id"].GetString()}/rotate", With(made["publicKey"].GetString()!));
        var first = made["secret"].GetString()!;
        var second = (await Api.PostAsync(address, """{"overlapHours":1}""", all)).Expect(200)["secret"].GetString()!;
        await DecideAsync(first, 200);
        await DecideAsync(second, 200);
        var third = (await Api.PostAsync(address, """{"overlapHours":0}""", all)).Expect(200)["secret"].GetString()!;
        await DecideAsync(first, 403);
        await DecideAsync(second, 403);
        await DecideAsync(third, 200);

        async Task DecideAsync(string secret, int status) => (await Api.PostAsync(
            "decisions", $$"""{"customerId":"c","customerProof":"{{Prove(secret, "c")}}"}""", page)).Expect(status);
    }

    [Fact]
    public void PublicKey_AnySlip_IsSeen()
    {
        var text = PublicKey.Write("0aZ000000009");
        Assert.Matches("^segpub_[0-9A-Za-z]{18}$", text);
        Assert.Equal("0aZ000000009", PublicKey.Read(text));
        for (var i = 0; i < text.Length; i++)
        {
            Assert.Null(PublicKey.Read(text[..i] + (text[i] == 'a' ? 'b' : 'a') + text[(i + 1)..]));
            Assert.Null(PublicKey.Read(text[..i]));
        }

        Assert.Null(PublicKey.Read(text + "0"));
        Assert.Null(PublicKey.Read(PublicKey.Write("ü00000000000")));
    }

    // As a shop's server does: the whole secret is the key.
    private static string Prove(string secret, string customer) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(customer)));
}
