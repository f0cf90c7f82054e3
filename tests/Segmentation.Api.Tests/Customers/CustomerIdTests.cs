using FsCheck;
using FsCheck.Fluent;
using Npgsql;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Whatever id is taken can be read and erased by its address; what can't is refused wherever an id is written.</summary>
public sealed class CustomerIdTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    public static TheoryData<string> Refused =>
    [
        "", " ", "\u00a0", ".", "..", "export", "Import", "EXPORT", " a", "a ", "a\u00a0", "\u2003a", "a\tb", "a\nb", "a/b", "/", "a\0b",
        "a\u0085b", new('x', 129),
    ];

    [Fact]
    public async Task Id_WithHalfASurrogatePair_IsRefused()
    {
        foreach (var id in new[] { "\ud800", "a\udc00", "\udc00\ud800" })
        {
            await Id_OutOfReach_IsRefusedEverywhereItIsWritten(id);
        }
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Id_OutOfReach_IsRefusedEverywhereItIsWritten(string id)
    {
        var json = JsonEscaped(id);
        Assert.Contains(
            (await Api.PostAsync("customers", $$"""{"id":{{json}}}""")).Expect(400).Faults, fault => fault is "/id" or "");
        (await Api.PostAsync("events", $$"""{"customerId":{{json}},"type":"t"}""")).Expect(400);
        Assert.Equal(
            1,
            (await Api.PostAsync("events", $$"""[{"customerId":{{json}},"type":"t"}]""")).Expect(200)["rejected"].GetInt32());
        Assert.Equal(
            1,
            (await Api.SendAsync("POST", "customers/import", $$"""{"id":{{json}}}""", "application/x-ndjson"))
                .Expect(200)["rejected"].GetInt32());
        await Api.PutAsync("segments/by-hand", """{"kind":"manual","name":"M"}""");
        (await Api.PostAsync("segments/by-hand/members", $$"""{"add":[{{json}}]}""")).Expect(400);
    }

    [Theory]
    [InlineData("%20")]
    [InlineData("%C2%A0")]
    [InlineData("sa%20")]
    [InlineData("%09a")]
    public async Task Put_OutOfReach_IsRefused(string id)
    {
        (await Api.PutAsync($"customers/{id}", "{}")).Expect(400);
        (await Api.PutAsync($"segments/by-hand/members/{id}", "{}")).Expect(400);
    }

    [Fact]
    public async Task Import_Csv_TrimsIds()
    {
        (await Api.SendAsync("POST", "customers/import", "id,firstName\n  trimmed-1 ,A\n\"trimmed-2\t\",B", "text/csv")).Expect(200);
        Assert.Equal("A", (await Api.GetAsync("customers/trimmed-1")).Expect(200)["firstName"].GetString());
        Assert.Equal("B", (await Api.GetAsync("customers/trimmed-2")).Expect(200)["firstName"].GetString());
        var refused = (await Api.SendAsync("POST", "customers/import", "id,firstName\n..,A\n export ,B\n", "text/csv")).Expect(200);
        Assert.Equal(2, refused["rejected"].GetInt32());
    }

    [Fact]
    public void Id_ThatIsTaken_IsReadAndErasedByItsAddress()
    {
        var part = Gen.Elements(
            "a", "Z", "%", "%2F", "%2e", "%00", "+", " ", "'", "\"", "\\", "?", "#", "&", "=", ";", ":", "@", ".", "..", "...", "~", "|",
            "ü", "e\u0301", "\u0130", "😀", "👩‍👩‍👧", "\u200b", "\u202e", "\ufeff", "\uffff", "\u00a0", "٣", "日本", "<b>",
            "{id}", "$1", "export");
        var ids = part.ArrayOf().Select(string.Concat).Select(id => id.Length > 128 ? id[..128] : id);
        Prop.ForAll(ids.ToArbitrary(), id => CheckAsync(id).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Fact]
    public Task Id_AsLongAsAnIdCanBe_IsReadAndErasedByItsAddress() => CheckAsync(string.Concat(Enumerable.Repeat("😀", 64)));

    [Fact]
    public async Task Id_TakenBefore_IsReachedByTheFilter()
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        (await Api.PutAsync("customers/old", "{}")).Expect(201);
        foreach (var id in new[] { " ", "..", ".", "sa ", "export", "\u00a0x" })
        {
            await using (var command = source.CreateCommand("UPDATE customers SET id = $1, id_folded = $1 WHERE id = 'old'"))
            {
                command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
                await command.ExecuteNonQueryAsync();
            }

            var address = $"customers?id={Uri.EscapeDataString(id)}";
            var found = Assert.Single((await Api.GetAsync(address)).Expect(200)["items"].EnumerateArray());
            Assert.Equal(id, found.GetProperty("id").GetString());
            (await Api.DeleteAsync(address)).Expect(204);
            Assert.Empty((await Api.GetAsync(address)).Expect(200)["items"].EnumerateArray());
            (await Api.DeleteAsync(address)).Expect(204);
            (await Api.PutAsync("customers/old", "{}")).Expect(201);
        }
    }

    [Theory]
    [InlineData("customers")]
    [InlineData("customers?id=")]
    [InlineData("customers?id=a/b")]
    public async Task Delete_WithoutAnId_IsRefused(string path) => Assert.Equal(["id"], (await Api.DeleteAsync(path)).Expect(400).Faults);

    private async Task CheckAsync(string id)
    {
        var made = await Api.PostAsync("customers", $$"""{"id":{{JsonEscaped(id)}},"firstName":"A"}""");
        if (made.Status == 400)
        {
            return;
        }

        made.Expect(201);
        var address = "customers/" + Uri.EscapeDataString(id);
        Assert.Equal("/api/v1/" + address, made.Message.Headers.Location!.OriginalString);
        Assert.Equal(id, (await Api.GetAsync(address)).Expect(200)["id"].GetString());
        Assert.Equal(id, (await Api.PatchAsync(address, """{"firstName":"B"}""")).Expect(200)["id"].GetString());
        (await Api.PostAsync($"{address}/events", """{"type":"t"}""")).Expect(200);
        Assert.Single((await Api.GetAsync($"{address}/events")).Expect(200)["items"].EnumerateArray());
        (await Api.GetAsync($"{address}/segments")).Expect(200);
        (await Api.DeleteAsync(address)).Expect(204);
        (await Api.GetAsync(address)).Expect(404);
    }

    // Half a surrogate pair has to be written as its escape.
    private static string JsonEscaped(string text) => "\"" + string.Concat(text.Select(c => $"\\u{(int)c:x4}")) + "\"";
}
