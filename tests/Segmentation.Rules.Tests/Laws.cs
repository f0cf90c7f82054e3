using FsCheck;
using FsCheck.Fluent;

namespace Segmentation.Rules.Tests;

/// <summary>Runs a law over generated cases; a failing case is shown with the seed that makes it again.</summary>
public static class Laws
{
    public static void Check<TCase>(Gen<TCase> cases, Func<TCase, bool> holds, int count = 500) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(count).WithQuietOnSuccess(true), Prop.ForAll(cases.ToArbitrary(), holds));
}
