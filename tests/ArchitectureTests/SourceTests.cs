using System.Text.RegularExpressions;

namespace ArchitectureTests;

/// <summary>What the compiled code does not show: constants, comments' references and the text of SQL.</summary>
public partial class SourceTests
{
    private static readonly string Api = Path.Combine(Root(), "src", "Segmentation.Api");

    [Fact]
    public void Room_EachOne_UsesNoLaterRoom()
    {
        var order = RoomTests.Rooms.SelectMany((rooms, i) => rooms.Select(room => (room, i))).ToDictionary(r => r.room, r => r.i);
        var arrows = from path in Sources()
                     let own = Path.GetRelativePath(Api, path).Split(Path.DirectorySeparatorChar) is [var room, _, ..]
                         && order.TryGetValue(room, out var i)
                         ? i
                         : int.MaxValue
                     from used in Using().Matches(File.ReadAllText(path)).Select(m => m.Groups[1].Value)
                     where order.GetValueOrDefault(used) > own
                     select $"{Path.GetRelativePath(Api, path)}, to {used}";

        Assert.Equal([], arrows);
    }

    [Fact]
    public void ChangeLog_IsTheOnlyWriterOfItsTable()
    {
        var writers = Sources().Where(path => Write().IsMatch(File.ReadAllText(path))).Select(path => Path.GetRelativePath(Api, path));

        Assert.Equal([Path.Combine("Changes", "ChangeLog.cs")], writers);
    }

    private static IEnumerable<string> Sources() => Directory.EnumerateFiles(Api, "*.cs", SearchOption.AllDirectories)
        .Where(path => !Path.GetRelativePath(Api, path).Split(Path.DirectorySeparatorChar).Intersect(["obj", "bin", "Migrations"]).Any());

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Segmentation.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder;
    }

    [GeneratedRegex(@"\bSegmentation\.Api\.(\w+)")]
    private static partial Regex Using();

    [GeneratedRegex(@"(INSERT INTO|DELETE FROM|UPDATE) membership_work|ChangeLog\.(Add|AddRange|Remove|RemoveRange)\(")]
    private static partial Regex Write();
}
