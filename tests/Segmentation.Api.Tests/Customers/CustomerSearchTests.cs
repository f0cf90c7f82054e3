using System.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Customers found by how their id, email or name begins.</summary>
public sealed class CustomerSearchTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("qs-1", "1,10")]
    [InlineData("QS-1", "1,10")]
    [InlineData("ada@", "1")]
    [InlineData("ADA@EXAMPLE.com", "1")]
    [InlineData("æthel", "2")]
    [InlineData("ÆTHELR", "2")]
    [InlineData("ÖZ", "1")]
    [InlineData("  özil ", "1")]
    [InlineData("100%_", "10")]
    [InlineData("100__", "")]
    [InlineData("%", "")]
    [InlineData("zil", "")]
    [InlineData("example.com", "")]
    public async Task Q_FindsByWhatBegins(string q, string expected)
    {
        await MakeAsync();
        var found = await Api.AllAsync($"customers?q={Uri.EscapeDataString(q)}", 1);
        Assert.Equal(
            expected.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(n => $"qs-{n}"),
            found.Select(c => c.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task Q_NarrowsOtherFilters_BlankIsNone()
    {
        await MakeAsync();
        await Api.PutAsync("segments/qs", Body(All(Is("customer.id", "in", "[\"qs-2\",\"qs-10\"]"))));
        Assert.Equal("qs-10", (await Api.AllAsync("customers?segment=qs&q=qs-1")).Single().GetProperty("id").GetString());
        Assert.Empty(await Api.AllAsync("customers?email=other@example.com&q=qs-1"));
        Assert.True((await Api.AllAsync("customers?q=")).Count >= 3);
        Assert.True((await Api.AllAsync("customers?q=%20")).Count >= 3);
        Assert.Equal(["q"], (await Api.GetAsync("customers?q=%00")).Expect(400).Faults);
    }

    [Fact]
    public async Task Q_OfMany_IsReadByItsIndexes()
    {
        var lines = new StringBuilder();
        for (var i = 0; i < 20_000; i++)
        {
            lines.Append(
                $$"""
                {"id":"plan-{{i:x5}}","email":"p{{i}}@example.com","firstName":"First{{i}}","lastName":"Last{{i}}"}

                """);
        }

        (await Api.SendAsync("POST", "customers/import", lines.ToString(), "application/x-ndjson")).Expect(200);
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using (var analyze = source.CreateCommand("ANALYZE customers"))
        {
            await analyze.ExecuteNonQueryAsync();
        }

        await using var db = new SegmentationDb(new DbContextOptionsBuilder<SegmentationDb>()
            .UseNpgsql(source).ConfigureWarnings(TestDatabase.ManyHosts).Options);
        foreach (var q in new[] { "first1234", "p77@", "LAST999", "plan-00aa" })
        {
            await using var command = (NpgsqlCommand)db.Customers.FindByPrefix(q).OrderBy(c => c.Id).Take(101).CreateDbCommand();
            command.CommandText = "EXPLAIN " + command.CommandText;
            await db.Database.OpenConnectionAsync();
            var plan = new StringBuilder();
            await using (var reader = await command.ExecuteReaderAsync())
            {
                while (await reader.ReadAsync())
                {
                    plan.AppendLine(reader.GetString(0));
                }
            }

            foreach (var index in new[] { "id_folded", "email", "first_name", "last_name" })
            {
                Assert.Contains($"Bitmap Index Scan on ix_customers_{index}", plan.ToString(), StringComparison.Ordinal);
            }

            Assert.DoesNotContain("Seq Scan", plan.ToString(), StringComparison.Ordinal);
        }
    }

    private async Task MakeAsync()
    {
        foreach (var (id, body) in new[]
        {
            ("qs-1", """{"email":"Ada@Example.com","firstName":"Ada","lastName":"Özil"}"""),
            ("qs-2", """{"firstName":"Æthelred"}"""),
            ("qs-10", """{"lastName":"100%_sure"}"""),
        })
        {
            await Api.PutAsync($"customers/{id}", body);
        }
    }
}
