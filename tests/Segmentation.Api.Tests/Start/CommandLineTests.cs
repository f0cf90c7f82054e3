namespace Segmentation.Api.Tests.Start;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--Rules:MaxDepth=5", "--Rules:MaxDepth", "5")]
    [InlineData("--rules:maxdepth=5", "--rules:maxdepth=5")]
    [InlineData("--urls=http://a", "--urls", "http://a")]
    [InlineData("--Cors:Origins:0=https://a.example", "--Cors:Origins:0=https://a.example")]
    [InlineData("--Embedded:Settings:work_mem=1MB", "--Embedded:Settings:work_mem=1MB")]
    [InlineData("--ConnectionStrings:Segmentation=Host=a;Password==b", "--ConnectionStrings:Segmentation=Host=a;Password==b")]
    [InlineData("--Serilog:MinimumLevel:Default=Debug", "--Serilog:MinimumLevel:Default=Debug")]
    [InlineData("--environment=Production", "--environment", "Production")]
    [InlineData("--Rules:MaxDepth=-5", "--Rules:MaxDepth", "-5")]
    public void Read_Setting_IsOneWordForConfiguration(string expected, params string[] words) =>
        Assert.Equal([expected], Read(words).Settings);

    [Theory]
    [InlineData("--migrate", "--migrate", "--urls", "http://a")]
    [InlineData("--sample", "--urls=http://a", "--SAMPLE")]
    [InlineData("--create-database", "--create-database", "--urls=http://a")]
    [InlineData("--help", "-h")]
    public void Read_Switch_TakesNothingBesideIt(string expected, params string[] words)
    {
        var line = Read(words);
        Assert.True(line.Has(expected));
        Assert.Equal(words.Length > 1 ? ["--urls=http://a"] : [], line.Settings);
    }

    [Fact]
    public void Read_SwitchWithAValue_HasIt()
    {
        var line = Read(["--create-key", "me", "--scopes=admin,webhooks", "--urls=http://a"]);
        Assert.Equal(("me", "admin,webhooks"), (line.Value("--create-key"), line.Value("--scopes")));
        Assert.Equal(["--urls=http://a"], line.Settings);
        Assert.Equal(
            "--create-key needs a value: --create-key NAME",
            Assert.Throws<StartupException>(() => Read(["--create-key", "--scopes", "all"])).Message);
    }

    [Theory]
    [InlineData("--smaple is not a switch. Did you mean --sample? ./run --help lists all.", "--smaple", "--Embedded:DataDirectory=X")]
    [InlineData("--create-databse is not a switch. Did you mean --create-database?", "--create-databse")]
    [InlineData("--url is not a switch. Did you mean --urls?", "--url", "http://a")]
    [InlineData("--xyzzyxyzzy is not a switch. ./run --help", "--xyzzyxyzzy")]
    [InlineData("--Database:WorkMen is not a setting. Did you mean --Database:WorkMem?", "--Database:WorkMen=1MB")]
    [InlineData("--Databse:WorkMem is not a setting. Did you mean --Database:WorkMem?", "--Databse:WorkMem", "1MB")]
    [InlineData("--Rules:MaxDepth:0 is not a setting. Did you mean --Rules:MaxDepth?", "--Rules:MaxDepth:0=1")]
    [InlineData("--Cors:Origins:x is not a setting.", "--Cors:Origins:x=1")]
    [InlineData("--Database is not a switch.", "--Database=1")]
    [InlineData("--migrate takes no value.", "--migrate=true")]
    [InlineData("\"true\" does not belong here: switches and settings begin with two dashes.", "--sample", "true")]
    [InlineData("\"sample\" does not belong here: switches and settings begin with two dashes. Did you mean --sample?", "-sample")]
    [InlineData("\"Database:WorkMem\" does not belong here: switches and settings begin with two dashes. Did you mean --Database:WorkMem?",
        "Database:WorkMem=1MB")]
    [InlineData("One word does not belong here: switches and settings begin with two dashes. ./run --help", "Host=a;Password=topsecret")]
    [InlineData("One word does not belong here: switches and settings begin with two dashes. A database is named by "
        + "--ConnectionStrings:Segmentation=URL.", "postgres://me:topsecret@host/db")]
    [InlineData("--urls needs a value: --urls=VALUE.", "--urls", "--sample")]
    [InlineData("--Database:WorkMem needs a value: --Database:WorkMem=VALUE.", "--Database:WorkMem")]
    public void Read_AnythingElse_IsRefusedWithTheNearest(string start, params string[] words)
    {
        var refused = Assert.Throws<StartupException>(() => Read(words)).Message;

        Assert.StartsWith(start, refused, StringComparison.Ordinal);
        Assert.DoesNotContain("topsecret", refused, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused);
    }

    [Fact]
    public void Read_SwitchOfRun_IsNoneOfTheApi() =>
        Assert.StartsWith(
            "--sample is not a switch. dotnet Segmentation.Api.dll --help",
            Assert.Throws<StartupException>(() => CommandLine.Read(["--sample"], new ProgramParts())).Message, StringComparison.Ordinal);

    private static CommandLine Read(string[] words) => CommandLine.Read(words, Segmentation.Local.Program.Parts);
}
