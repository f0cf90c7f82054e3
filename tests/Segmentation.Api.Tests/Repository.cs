namespace Segmentation.Api.Tests;

/// <summary>Files of the repository that are made from the code, and compared with it.</summary>
internal static class Repository
{
    /// <summary>How to write them anew.</summary>
    public const string HowToUpdate = "To write it anew: UPDATE_SNAPSHOTS=1 ./test --filter \"OpenApiTests|ReadmeTests\"";

    public static string GetPath(string file) => Path.Combine(Root(), file);

    /// <summary>Compares a file with what it should hold, or writes it when <c>UPDATE_SNAPSHOTS</c> is set.</summary>
    public static void AssertHolds(string file, string expected)
    {
        var path = GetPath(file);
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") is { Length: > 0 })
        {
            File.WriteAllText(path, expected);
        }

        var actual = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        if (actual != expected)
        {
            var line = actual.Split('\n').Zip(expected.Split('\n')).TakeWhile(l => l.First == l.Second).Count();
            var there = expected.Split('\n').ElementAtOrDefault(line);
            Assert.Fail($"{file} is stale from line {line + 1} on; it should say there: {there}\n{HowToUpdate}");
        }
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Segmentation.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder.FullName;
    }
}
