using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

[assembly: TestFramework("Segmentation.Api.Tests.TestFramework", "Segmentation.Api.Tests")]

namespace Segmentation.Api.Tests;

/// <summary>
/// xunit 2 has fixtures for a class and a collection, none for an assembly: this ends the one database server after the last test. (Its
/// collections could share a server no other way without running one after the other; and at the process's exit it is too late, the test
/// host is killed 100 ms after its last test.)
/// </summary>
/// <param name="messageSink">Where xunit's diagnostics go.</param>
public sealed class TestFramework(IMessageSink messageSink) : XunitTestFramework(messageSink)
{
    /// <inheritdoc/>
    protected override ITestFrameworkExecutor CreateExecutor(AssemblyName assemblyName) =>
        new Executor(assemblyName, SourceInformationProvider, DiagnosticMessageSink);

    private sealed class Executor(AssemblyName assemblyName, ISourceInformationProvider source, IMessageSink diagnostics)
        : XunitTestFrameworkExecutor(assemblyName, source, diagnostics)
    {
        // async void is the base class's own signature.
        protected override async void RunTestCases(
            IEnumerable<IXunitTestCase> testCases, IMessageSink executionMessageSink, ITestFrameworkExecutionOptions executionOptions)
        {
            using var runner = new Runner(TestAssembly, testCases, DiagnosticMessageSink, executionMessageSink, executionOptions);
            await runner.RunAsync();
        }
    }

    private sealed class Runner(
        ITestAssembly assembly,
        IEnumerable<IXunitTestCase> testCases,
        IMessageSink diagnostics,
        IMessageSink execution,
        ITestFrameworkExecutionOptions options)
        : XunitTestAssemblyRunner(assembly, testCases, diagnostics, execution, options)
    {
        protected override async Task BeforeTestAssemblyFinishedAsync()
        {
            await Aggregator.RunAsync(TestDatabase.StopServerAsync);
            await base.BeforeTestAssemblyFinishedAsync();
        }
    }
}
