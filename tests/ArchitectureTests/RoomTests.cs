using System.Reflection;
using NetArchTest.Rules;

namespace ArchitectureTests;

/// <summary>
/// The rooms of the service (docs/architecture.md), bottom first. A type may depend on what is in its own room and in those before it,
/// never on a later one.
/// </summary>
public class RoomTests
{
    private const string Root = "Segmentation.Api";

    /// <summary>Rooms in their order; those on one line are one room for the arrows.</summary>
    internal static readonly string[][] Rooms =
    [
        ["Http"],
        ["Data"],
        ["Access"],
        ["Admission"],
        ["Idempotency"],
        ["Audit"],
        ["Changes"],
        ["Privacy"],
        ["Customers", "Events"],
        ["Segments"],
        ["Memberships"],
        ["History"],
        ["Webhooks"],
        ["Streams"],
        ["Analyses"],
        ["Insight"],
        ["Predictions"],
        ["Feedback"],
        ["Experiments"],
        ["Playbooks"],
        ["Discovery"],
        ["Rights"],
        ["Endpoints"],
    ];

    private static readonly Assembly Api = typeof(Program).Assembly;

    [Fact]
    public void Type_EachOne_IsInARoom()
    {
        var rooms = Rooms.SelectMany(r => r).ToHashSet();
        var outside = Types.InAssembly(Api).That().ResideInNamespace(Root).GetTypes()
            .Where(t => t.Namespace != Root && !rooms.Contains(Room(t.FullName!)))
            .Select(t => Room(t.FullName!)).Distinct().Order();

        Assert.Equal([], outside);
    }

    [Fact]
    public void Room_EachOne_DependsOnNoLaterRoom()
    {
        var arrows = new List<string>();
        for (var i = 0; i < Rooms.Length; i++)
        {
            string[] later = [.. Rooms.Skip(i + 1).SelectMany(rooms => rooms).Select(room => $"{Root}.{room}")];
            foreach (var room in Rooms[i])
            {
                var result = Types.InAssembly(Api).That().ResideInNamespace($"{Root}.{room}")
                    .ShouldNot().HaveDependencyOnAny(later).GetResult();
                arrows.AddRange(result.FailingTypeNames ?? []);
            }
        }

        Assert.True(arrows is [], $"These depend on a later room:\n{string.Join('\n', arrows)}");
    }

    private static string Room(string type) => type[(Root.Length + 1)..].Split('.')[0];
}
