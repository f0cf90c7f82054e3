namespace Segmentation.Api.Tests;

public sealed class StartupTests
{
    [Theory]
    [InlineData]
    [InlineData("--migrate")]
    public async Task Run_NoConnectionString_EndsWithExitCode1(params string[] arguments) =>
        Assert.Equal(1, await Startup.RunAsync([.. arguments, "--ConnectionStrings:Segmentation="]));
}
