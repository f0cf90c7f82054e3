using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Segmentation.Api.Http;
using Segmentation.Local;

namespace Segmentation.Api.Tests.Start;

public sealed class SettingsTests
{
    [Theory]
    [InlineData("Limits:Heavy:StatementSeconds", "abc", "an integer from 1 to 86400")]
    [InlineData("Limits:Point:StatementSeconds", "0", "an integer from 1 to 86400")]
    [InlineData("Limits:Bulk:Pool", "", "an integer from 1 to 10000")]
    [InlineData("Database:WorkMem", "64 cows", "an amount of memory")]
    [InlineData("Database:WorkMem", "64mb", "an amount of memory")]
    [InlineData("Database:WorkMem", "1kB", "an amount of memory")]
    [InlineData("Database:WorkMem", "9999999999999GB", "an amount of memory")]
    [InlineData("Database:WorkMem", "-1", "an amount of memory")]
    [InlineData("Database:MigrateOnStart", "yes", "true or false")]
    [InlineData("Rules:MaxDepth", "-1", "an integer from 1 to 100")]
    [InlineData("Rules:MaxDepth", "1.5", "an integer from 1 to 100")]
    [InlineData("Membership:HistoryDays", "0", "an integer from 1 to 36500")]
    [InlineData("Webhooks:TimeoutSeconds", "0", "a number from 0.01 to 3600")]
    [InlineData("Webhooks:TimeoutSeconds", "NaN", "a number from 0.01 to 3600")]
    [InlineData("Streams:HeartbeatSeconds", "15s", "a number from 0.01 to 3600")]
    [InlineData("Webhooks:AllowPrivateAddresses", "1", "true or false")]
    [InlineData("Cors:Origins", "https://a.example,https://b.example/", "without a slash at the end")]
    [InlineData("Cors:Origins:3", "https://b.example/app", "without a path")]
    [InlineData("Cors:Origins", "*", "each origin by its name, without *")]
    [InlineData("Cors:Origins", "https://*.example.com", "each origin by its name, without *")]
    [InlineData("Cors:Origins", "b.example", "a scheme, a host and perhaps a port")]
    [InlineData("Cors:Origins", "localhost:3000", "a scheme, a host and perhaps a port")]
    [InlineData("Embedded:DataDirectory", " ", "a folder")]
    [InlineData("Privacy:SensitiveFields", "demographic.income,demographic.incme", "a field of profiles")]
    [InlineData("Privacy:SensitiveFields", "attributes.illness", "a field of profiles")]
    [InlineData("Privacy:SensitiveFields", "Demographic.Income", "a field of profiles")]
    [InlineData("Privacy:SensitiveFields:3", "customer.id", "a field of profiles")]
    public void RefuseValues_WrongValue_SaysWhatItTakes(string name, string value, string needed)
    {
        var refused = Assert.Throws<StartupException>(Check((name, value)).RefuseValues).Message;

        Assert.Matches($"^{Regex.Escape(name.Split(":3")[0])} must be .*{Regex.Escape(needed)}", refused);
        Assert.DoesNotContain('\n', refused);
    }

    [Theory]
    [InlineData("Limits:Heavy:StatementSeconds", "300")]
    [InlineData("limits:stream:pool", "1")]
    [InlineData("Database:WorkMem", "64 MB")]
    [InlineData("Database:WorkMem", "65536")]
    [InlineData("Database:WorkMem", "1GB")]
    [InlineData("Database:MigrateOnStart", "True")]
    [InlineData("Streams:HeartbeatSeconds", "0.5")]
    [InlineData("Cors:Origins", "")]
    [InlineData("Cors:Origins", "https://a.example, http://localhost:3000,app://id")]
    [InlineData("Revenue:OrderTypes", "order, sale")]
    [InlineData("Privacy:SensitiveFields", "demographic.income, customer.email")]
    [InlineData("Privacy:SensitiveFields:0", "geographic.location")]
    [InlineData("Embedded:Settings:shared_buffers", "anything")]
    public void RefuseValues_RightValue_IsTaken(string name, string value)
    {
        var check = Check((name, value));
        check.RefuseValues();
        Assert.Empty(check.FindUnknown());
    }

    [Fact]
    public void RefuseValues_Several_AreALineEach() => Assert.Equal(2, Assert.Throws<StartupException>(
        Check(("Rules:MaxDepth", "x"), ("Rules:MaxRules", "y"), ("Rules:MaxBytes", "100")).RefuseValues).Message.Split('\n').Length);

    [Theory]
    [InlineData("Database:WorkMme", "Did you mean \"Database:WorkMem\"?")]
    [InlineData("Databse:WorkMem", "Did you mean \"Database:WorkMem\"?")]
    [InlineData("Cors:Origin", "Did you mean \"Cors:Origins\"?")]
    [InlineData("Rules:MaxDepth:0", "Did you mean \"Rules:MaxDepth\"?")]
    [InlineData("ConnectionStrings:Segmentaton", "Did you mean \"ConnectionStrings:Segmentation\"?")]
    [InlineData("Streams:Xyzzy", "Known: Streams:HeartbeatSeconds.")]
    public void FindUnknown_InAKnownSection_IsALineWithTheNearest(string name, string hint)
    {
        var line = Assert.Single(Check((name, "topsecret")).FindUnknown());

        Assert.Equal($"{name} is not a setting, and has no effect (configuration). {hint}", line);
    }

    [Theory]
    [InlineData("Serilog:MinimumLevel:Default")]
    [InlineData("Kestrel:Limits:MaxConcurrentConnections")]
    [InlineData("OtherProgram:WorkMem")]
    [InlineData("PATH")]
    public void FindUnknown_OfSomethingElse_IsNoneOfOurs(string name) => Assert.Empty(Check((name, "x")).FindUnknown());

    [Fact]
    public void Values_OfTheEnvironment_AreNamedAsItNamesThem()
    {
        const string name = "SEGMENTATIONTEST_Rules__MaxDepth";
        Environment.SetEnvironmentVariable(name, "x");
        try
        {
            var configuration = new ConfigurationBuilder().AddEnvironmentVariables("SEGMENTATIONTEST_").Build();
            Assert.EndsWith(
                "it is \"x\" (environment variable Rules__MaxDepth).",
                Assert.Throws<StartupException>(new SettingsCheck(configuration, ApiSettings.All).RefuseValues).Message,
                StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(name, null);
        }
    }

    [Fact]
    public void Appsettings_HaveOnlySettingsThatThereAre()
    {
        var configuration = new ConfigurationBuilder()
            .AddJsonFile(Repository.GetPath("src/Segmentation.Api/appsettings.json"))
            .AddJsonFile(Repository.GetPath("src/Segmentation.Api/appsettings.Development.json")).Build();
        var check = new SettingsCheck(configuration, ApiSettings.All);

        check.RefuseValues();
        Assert.Empty(check.FindUnknown());
    }

    [Theory]
    [InlineData("https://a.example http://localhost:3000", "Cors:Origins=https://A.example:443 , http://localhost:3000,")]
    [InlineData("https://a.example https://b.example", "Cors:Origins:0=https://a.example", "Cors:Origins:1=https://b.example")]
    [InlineData("https://b.example", "Cors:Origins:0=https://a.example", "Cors:Origins=https://b.example")]
    [InlineData("", "Cors:Origins=")]
    [InlineData("")]
    public void Origins_TextOrList_AreWhatABrowserSends(string expected, params string[] settings) =>
        Assert.Equal(
            expected, string.Join(' ', Origins.Read(Configuration([.. settings.Select(s => s.Split('=')).Select(s => (s[0], s[1]))]))));

    private static SettingsCheck Check(params (string Name, string Value)[] settings) => new(
        Configuration(settings), [.. ApiSettings.All, .. EmbeddedOptions.Table]);

    private static IConfigurationRoot Configuration(params (string Name, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => s.Name, s => (string?)s.Value)).Build();
}
