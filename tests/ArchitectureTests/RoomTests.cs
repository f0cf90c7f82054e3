using System.Reflection;
using NetArchTest.Rules;

namespace ArchitectureTests;

/// <summary>
/// The rooms of the service (docs/architecture.md), bottom first. A type may depend on what is in its own room and in those before it, never on a later one.
/// </summary>
public class RoomTests
{
    private const string Root = "Segmentation.Api";

    /// <summary>Rooms in their order; those on one line are one room for the arrows.</summary>
    internal static readonly string[][] Rooms =
    [
        ["Http"],
        ["Data"],
        ["Changes"],
        ["Customers", "Events"],
        ["Segments"],
        ["Memberships"],
        ["History"],
        ["Webhooks"],
        ["Streams"],
        ["Endpoints"],
    ];

    /// <summary>Arrows that still point up: "a type, to a room".</summary>
    private static readonly string[] Exceptions =
    [
    ];

    /// <summary>Folders that are not rooms yet.</summary>
    private static readonly string[] Roomless = [];

    private static readonly Assembly Api = typeof(Program).Assembly;

    [Fact]
    public void Type_EachOne_IsInARoom()
    {
        var rooms = Rooms.SelectMany(r => r).ToHashSet();
        var outside = Types.InAssembly(Api).That().ResideInNamespace(Root).GetTypes()
            .Where(t => t.Namespace != Root && !rooms.Contains(Room(t.FullName!)))
            .Select(t => Room(t.FullName!)).Distinct().Order();

        Assert.Equal(Roomless, outside);
    }

    [Fact]
    public void Room_EachOne_DependsOnNoLaterRoom()
    {
        var arrows = new List<string>();
        for (var i = 0; i < Rooms.Length; i++)
        {
            foreach (var (lower, higher) in from lower in Rooms[i] from higher in Rooms.Skip(i + 1).SelectMany(r => r) select (lower, higher))
            {
                var result = Types.InAssembly(Api).That().ResideInNamespace($"{Root}.{lower}").ShouldNot().HaveDependencyOn($"{Root}.{higher}").GetResult();
                arrows.AddRange((result.FailingTypeNames ?? []).Select(t => $"{t[(Root.Length + 1)..]}, to {higher}"));
            }
        }

        Assert.True(arrows.Except(Exceptions).Concat(Exceptions.Except(arrows)).ToArray() is [], $"Arrows up:\n{string.Join('\n', arrows)}");
    }

    private static string Room(string type) => type[(Root.Length + 1)..].Split('.')[0];
}
