using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Segmentation.Api.Data;
using Segmentation.Api.Webhooks;
using StandardWebhooks;
using StandardWebhooks.Diagnostics;

namespace Segmentation.Api.Tests.Webhooks;

public sealed class WebhookSignatureTests
{
    private const string Body = """{"test": 2432232314}""";

    /// <summary>Without a key: stored as they are.</summary>
    public static WebhookSecrets Plain { get; } = new(SecretBox.Read(new ConfigurationBuilder().Build()));

    /// <summary>An independent implementation of the scheme: straight from its text.</summary>
    public static string Sign(string base64, string id, string timestamp, string body)
    {
        using var hmac = new HMACSHA256(Convert.FromBase64String(base64));
        return "v1," + Convert.ToBase64String(hmac.ComputeHash(Encoding.UTF8.GetBytes(id + "." + timestamp + "." + body)));
    }

    [Fact]
    public void CreateHeader_PublishedExample_IsItsSignature()
    {
        var secret = WebhookSignature.Decode("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")!;
        var header = WebhookSignature.CreateHeader([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, Encoding.UTF8.GetBytes(Body));
        Assert.Equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header);
        Assert.Equal(Sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", Body), header);
    }

    [Fact]
    public void CreateHeader_TwoSecrets_HasASignatureOfEach()
    {
        var (first, second) = (WebhookSignature.NewSecret(), WebhookSignature.NewSecret());
        Assert.Equal(
            Sign(first[6..], "msg_1", "5", "é") + " " + Sign(second[6..], "msg_1", "5", "é"),
            WebhookSignature.CreateHeader(Plain.Decode(first, second), "msg_1", 5, Encoding.UTF8.GetBytes("é")));
    }

    [Fact]
    public void CreateHeader_AnIndependentVerifier_AcceptsEitherSecretAndNoOther()
    {
        var (current, previous) = (WebhookSignature.NewSecret(), WebhookSignature.NewSecret());
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds(); // It refuses what is older than five minutes.
        var header = WebhookSignature.CreateHeader(Plain.Decode(current, previous), "msg_1", now, Encoding.UTF8.GetBytes(Body));
        Assert.True(Verifies(current, header, Body));
        Assert.False(Verifies(WebhookSignature.NewSecret(), header, Body));
        Assert.False(Verifies(current, header, Body + " "));

        // Each by itself: this verifier (1.1.2) never compares the last signature of a list, against the specification.
        var signatures = header.Split(' ');
        Assert.Equal([true, false], signatures.Select(s => Verifies(current, s, Body)));
        Assert.Equal([false, true], signatures.Select(s => Verifies(previous, s, Body)));

        bool Verifies(string secret, string signature, string body)
        {
            var headers =
                new HeaderDictionary { ["webhook-id"] = "msg_1", ["webhook-timestamp"] = $"{now}", ["webhook-signature"] = signature };
            try
            {
                new StandardWebhook(secret).Verify(body, headers);
                return true;
            }
            catch (WebhookVerificationException)
            {
                return false;
            }
        }
    }

    [Theory]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true)]
    [InlineData("whsec_", false)]
    [InlineData("", false)]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false)]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==", false)]
    [InlineData("whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false)]
    [InlineData("whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", false)]
    public void Decode_AText_OnlyWhereItIsASecret(string text, bool valid) =>
        Assert.Equal(valid, WebhookSignature.Decode(text) is not null);

    [Theory]
    [InlineData(23, false)]
    [InlineData(24, true)]
    [InlineData(64, true)]
    [InlineData(65, false)]
    [InlineData(66, false)]
    [InlineData(200, false)]
    public void Decode_ALength_From24To64(int length, bool valid) =>
        Assert.Equal(valid, WebhookSignature.Decode(WebhookSignature.Prefix + Convert.ToBase64String(new byte[length])) is not null);

    [Fact]
    public void ParseMessageName_OfAMessageName_IsItsId()
    {
        for (var i = 0; i < 100; i++)
        {
            var id = Guid.NewGuid();
            Assert.Equal(id, WebhookDelivery.ParseMessageName(WebhookDelivery.MessageName(id)));
        }

        foreach (var wrong in new[]
        {
            "", "msg_", "msg_x", "msg_" + new string('=', 22), new string('A', 26), "msg_" + new string('é', 22)
        })
        {
            Assert.Null(WebhookDelivery.ParseMessageName(wrong));
        }
    }
}
