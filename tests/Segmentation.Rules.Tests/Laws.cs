using FsCheck;
using FsCheck.Fluent;

namespace Segmentation.Rules.Tests;

/// <summary>
/// Runs a law over generated cases; a failing case is shown with the seed that makes it again. <c>LAW_CASES=20</c> in the environment
/// tries twenty times as many.
/// </summary>
public static class Laws
{
    private static readonly int Times = int.TryParse(Environment.GetEnvironmentVariable("LAW_CASES"), out var times) ? times : 1;

    public static void Check<TCase>(Gen<TCase> cases, Func<TCase, bool> holds, int count = 500) =>
        FsCheck.Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(count * Times).WithQuietOnSuccess(true), Prop.ForAll(cases.ToArbitrary(), holds));
}
