using System.Text.Json;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Tests.Segments;

/// <summary>How often a plan of PostgreSQL reads rows in loops.</summary>
public sealed class PlanGuardTests
{
    public static TheoryData<string, double> Plans => new()
    {
        {
            """{"Node Type":"Seq Scan","Plan Rows":1000000}""",
            0
        },
        {
            """
            {"Node Type":"Hash Join","Plan Rows":9,"Plans":[
              {"Node Type":"Seq Scan","Plan Rows":100}, {"Node Type":"Hash","Plan Rows":100}]}
            """,
            0
        },
        {
            """
            {"Node Type":"Nested Loop","Plan Rows":9,"Plans":[
              {"Node Type":"Seq Scan","Plan Rows":100}, {"Node Type":"Index Scan","Plan Rows":3}]}
            """,
            300
        },
        {
            """
            {"Node Type":"Aggregate","Plan Rows":1,"Plans":[{"Node Type":"Nested Loop","Plan Rows":9,"Plans":[
              {"Node Type":"Seq Scan","Plan Rows":1000},
              {"Node Type":"Nested Loop","Plan Rows":1,"Plans":[
                {"Node Type":"Seq Scan","Plan Rows":1000}, {"Node Type":"Materialize","Plan Rows":10}]}]}]}
            """,
            10_011_000
        },
    };

    [Theory]
    [MemberData(nameof(Plans))]
    public void CountRows_LoopWithinALoop_CountsAsOftenAsItRuns(string plan, double rows) =>
        Assert.Equal(rows, PlanGuard.CountRows(JsonElement.Parse(plan)));
}
