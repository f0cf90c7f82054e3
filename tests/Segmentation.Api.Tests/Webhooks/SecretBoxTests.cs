using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests.Webhooks;

public sealed class SecretBoxTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    public void Dispose() => File.Delete(file);

    [Fact]
    public void Seal_WithAKey_IsOpenedByItAloneAndForItsPurposeAlone()
    {
        var box = Box(Line(1));
        var (first, second) = (box.Seal("whsec_abc ü", "webhook"), box.Seal("whsec_abc ü", "webhook"));
        Assert.Matches("^aes256gcm:[0-9a-f]{8}:[A-Za-z0-9+/]+=*$", first);
        Assert.NotEqual(first, second);
        Assert.Equal("whsec_abc ü", box.Open(first, "webhook"));
        Assert.ThrowsAny<CryptographicException>(() => box.Open(first, "answer"));
        Assert.ThrowsAny<CryptographicException>(() => box.Open(first[..^6] + (first[^6] == 'A' ? "B" : "A") + first[^5..], "webhook"));
        Assert.Equal("whsec_plain", box.Open("whsec_plain", "webhook")); // Stored before there was a key.
        Assert.Equal((true, false), (box.IsCurrent(first), box.IsCurrent("whsec_plain")));
    }

    [Fact]
    public void Open_AfterRotation_ByTheOldKeyBelow()
    {
        var old = Box(Line(1)).Seal("s", "p");
        var both = Box(Line(2) + "\n" + Line(1) + "\n");
        Assert.Equal(("s", false, null), (both.Open(old, "p"), both.IsCurrent(old), both.FindMissingKey(old)));
        Assert.True(both.IsCurrent(both.Seal("s", "p")));
        var without = Box(Line(2));
        Assert.Equal(old.Split(':')[1], without.FindMissingKey(old));
        Assert.Contains("Secrets:KeyFile", Assert.Throws<CryptographicException>(() => without.Open(old, "p")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Seal_RawKeyOrNone()
    {
        File.WriteAllBytes(file, [.. Enumerable.Repeat((byte)1, 32)]);
        Assert.Null(SecretBox.Check(file));
        Assert.Equal("s", SecretBox.Read(Configuration(file)).Open(Box(Line(1)).Seal("s", "p"), "p")); // The same key, written otherwise.
        var none = SecretBox.Read(Configuration(null));
        Assert.Equal((false, "s", true), (none.HasKey, none.Seal("s", "p"), none.IsCurrent("s")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64!")]
    [InlineData("c2hvcnQ=")]
    public void Check_NoKey_IsSaid(string content)
    {
        File.WriteAllText(file, content);
        Assert.Contains("32 random bytes", SecretBox.Check(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_NoFile_IsSaid() =>
        Assert.EndsWith("this process may read", SecretBox.Check(file + "-not-there"), StringComparison.Ordinal);

    private static string Line(byte fill) => Convert.ToBase64String([.. Enumerable.Repeat(fill, 32)]);

    private static IConfiguration Configuration(string? file) =>
        new ConfigurationBuilder().AddInMemoryCollection([new(SecretBox.Setting, file)]).Build();

    private SecretBox Box(string lines)
    {
        File.WriteAllText(file, lines);
        Assert.Null(SecretBox.Check(file));
        return SecretBox.Read(Configuration(file));
    }
}
