using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Imports after the answer: how far they are, what they rejected, and what ends them.</summary>
public sealed class BackgroundImportTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static int made;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Import_IsTaken_AndToldOfUntilItsEnd()
    {
        var id = NewId();
        var lines = string.Concat(Enumerable.Range(0, 6000).Select(i => $"{id}-{i},A,{(i % 100 == 0 ? "01.02.1990" : "1990-02-01")}\n"));
        var taken = (await SendAsync("id,value.orderCount,demographic.birthDate\n" + lines, "?mode=replace")).Expect(202);
        var address = taken.Message.Headers.Location!.OriginalString;
        Assert.Equal($"/api/v1/imports/{taken["id"].GetString()}", address);
        Assert.Equal("respond-async", taken.Message.Headers.GetValues("Preference-Applied").Single());
        var ended = await EndAsync(address);
        Assert.Equal("completed", ended["state"].GetString());
        Assert.Equal(
            (6000, 5940, 0, 60, 60, "replace", false),
            (ended["received"].GetInt32(), ended["created"].GetInt32(), ended["updated"].GetInt32(), ended["rejected"].GetInt32(),
                ended["kept"].GetInt32(), ended["mode"].GetString(), ended["dryRun"].GetBoolean()));
        Assert.Equal("value.orderCount", Assert.Single(ended["ignored"].EnumerateArray()).GetString());
        Assert.True(ended["finishedAt"].GetDateTimeOffset() >= ended["startedAt"].GetDateTimeOffset());
        (await Api.GetAsync($"customers/{id}-1")).Expect(200);
        Assert.Contains(
            (await Api.GetAsync("imports?limit=1000")).Expect(200)["items"].EnumerateArray(),
            i => i.GetProperty("id").GetString() == taken["id"].GetString());
    }

    [Theory]
    [InlineData(',')]
    [InlineData(';')]
    public async Task Errors_AreAFile_ThatIsMendedAndSentAgain(char separator)
    {
        var id = NewId();
        string Line(params string[] cells) => string.Join(separator, cells) + "\r\n";
        var body = Line("id", "firstName", "demographic.birthDate")
            + Line($"{id}-1", "Ann", "1990-01-01")
            + Line($"{id}-2", "\"Zoë \"\"Z\"\" ,;\"", "13.05.1990")
            + Line($"{id}-3", "=1+1", "14.05.1990")
            + Line($"{id}-4", "'=x", "15.05.1990");
        var ended = await EndAsync((await SendAsync(body)).Expect(202).Message.Headers.Location!.OriginalString);
        Assert.Equal((1, 3), (ended["created"].GetInt32(), ended["rejected"].GetInt32()));
        var errors = (await Api.GetAsync($"imports/{ended["id"].GetString()}/errors")).Expect(200);
        Assert.Equal("text/csv", errors.ContentType);
        Assert.Equal("attachment", errors.Message.Content.Headers.ContentDisposition!.DispositionType);
        var lines = errors.Body.Split("\r\n");
        Assert.Equal("#line,#message,id,firstName,demographic.birthDate", lines[0]);
        Assert.StartsWith("3,demographic.birthDate (column 3) must be a date. The day is first: send 1990-05-13.,", lines[1]);
        Assert.EndsWith($",{id}-3,'=1+1,14.05.1990", lines[2]);
        Assert.EndsWith($",{id}-4,'=x,15.05.1990", lines[3]);

        var mended = errors.Body.Replace("13.05.1990", "1990-05-13").Replace("14.05.1990", "1990-05-14").Replace("15.05.1990", "");
        var again = (await Api.SendAsync("POST", "customers/import", mended, "text/csv")).Expect(200);
        Assert.Equal((3, 0), (again["created"].GetInt32(), again["rejected"].GetInt32()));
        Assert.Equal(["#line", "#message"], again["ignored"].EnumerateArray().Select(i => i.GetString()));
        Assert.Equal("Zoë \"Z\" ,;", (await Api.GetAsync($"customers/{id}-2")).Expect(200)["firstName"].GetString());
        Assert.Equal("=1+1", (await Api.GetAsync($"customers/{id}-3")).Expect(200)["firstName"].GetString());
        Assert.Equal("=x", (await Api.GetAsync($"customers/{id}-4")).Expect(200)["firstName"].GetString());
    }

    [Fact]
    public async Task Errors_OfAFileThatWasSentAgain_HaveTheirNotesOnce()
    {
        var id = NewId();
        var sent = $"#line,id,demographic.birthDate,#mine,#message\n7,{id}-1,01.02.1990,kept,old\n8,{id}-2,13.05.1990,\"kept, too\",old\n";
        var ended = await EndAsync((await SendAsync(sent)).Expect(202).Message.Headers.Location!.OriginalString);
        var errors = (await Api.GetAsync($"imports/{ended["id"].GetString()}/errors")).Expect(200).Body;
        var lines = errors.Split("\r\n");
        Assert.Equal("#line,#message,id,demographic.birthDate,#mine", lines[0]);
        Assert.StartsWith("2,", lines[1]);
        Assert.EndsWith($",{id}-1,01.02.1990,kept", lines[1]);
        Assert.EndsWith($",{id}-2,13.05.1990,\"kept, too\"", lines[2]);
        var mended = errors.Replace("01.02.1990", "1990-02-01").Replace("13.05.1990", "1990-05-13");
        Assert.Equal(2, (await Api.SendAsync("POST", "customers/import", mended, "text/csv")).Expect(200)["created"].GetInt32());
    }

    [Fact]
    public async Task Errors_OfWhatCantBeCut_AreTheLineItself()
    {
        var id = NewId();
        var ended = await EndAsync((await SendAsync($"id,firstName\n{id},\"open\n{id}-2,\0\n")).Message.Headers.Location!.OriginalString);
        Assert.Equal(2, ended["rejected"].GetInt32());
        var csv = (await Api.GetAsync($"imports/{ended["id"].GetString()}/errors?bom=true")).Expect(200).Body;
        Assert.Contains($"\"{id},\"\"open\"", csv);

        var lines = await Api.SendAsync(
            "POST", "customers/import", "{\"id\":\"\\ud800\"}\n{\"\\ud800\":1}\n{\"id\":5}", "application/x-ndjson",
            ("Prefer", "wait=5, respond-async"));
        ended = await EndAsync(lines.Expect(202).Message.Headers.Location!.OriginalString);
        Assert.Equal(3, ended["rejected"].GetInt32());
        csv = (await Api.GetAsync($"imports/{ended["id"].GetString()}/errors")).Expect(200).Body;
        Assert.StartsWith("#line,#message,record\r\n1,", csv);
        Assert.Contains("\"{\"\"id\"\":5}\"", csv);
    }

    [Fact]
    public async Task AllLinesRejected_AreKept()
    {
        var lines = string.Concat(Enumerable.Range(0, 3500).Select(i => $"a/{i}\n"));
        var ended = await EndAsync((await SendAsync("id\n" + lines)).Message.Headers.Location!.OriginalString);
        Assert.Equal((3500, 3500, 3500), (ended["received"].GetInt32(), ended["rejected"].GetInt32(), ended["kept"].GetInt32()));
        var csv = (await Api.GetAsync($"imports/{ended["id"].GetString()}/errors")).Expect(200).Body;
        var numbers = csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)[1..].Select(line => line.Split(',')[0]);
        Assert.Equal(Enumerable.Range(0, 3500).Select(i => $"{i + 2}"), numbers);
    }

    [Fact]
    public void Batch_IsFull_ByTheLengthOfItsLines()
    {
        var batch = new CustomerImportBatch(BulkTable<Customer>.For(new DesignTimeDbFactory().CreateDbContext([]).Model));
        var line = new byte[RecordReader.MaxBytes];
        for (var i = 0; i < 8; i++)
        {
            Assert.False(batch.IsFull);
            batch.Add(new ImportedCustomer(new Customer { Id = $"{i}" }, 0, new CustomerResource(), [], []), i, line);
        }

        batch.Add(new ImportedCustomer(new Customer { Id = "x" }, 0, new CustomerResource(), [], []), 9, line);
        Assert.True(batch.IsFull);
        batch.Clear();
        Assert.False(batch.IsFull);
    }

    [Fact]
    public async Task BadHeader_Fails_AndSaysWhy()
    {
        var ended = await EndAsync((await SendAsync("emial\nx")).Expect(202).Message.Headers.Location!.OriginalString);
        Assert.Equal("failed", ended["state"].GetString());
        Assert.Contains("Did you mean \"email\"?", ended["error"].GetString());
        (await SendAsync("id\nx", "?mode=x")).Expect(400);
    }

    [Fact]
    public async Task Delete_StopsARunningOne_AndForgetsOneThatHasEnded()
    {
        // Its first batch waits for a lock.
        var id = NewId();
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await ExecuteAsync(connection, "BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE");
        var taken = (await SendAsync($"id\n{id}\n")).Expect(202);
        var waiting = (await SendAsync($"id\n{id}-waiting\n")).Expect(202);
        var address = $"imports/{taken["id"].GetString()}";
        await Wait.UntilAsync(async () => (await Api.GetAsync(address))["state"].GetString() == "running", "running");
        await Wait.UntilAsync(async () => await CountWaitingAsync() > 0, "it waits");
        foreach (var import in new[] { address, $"imports/{waiting["id"].GetString()}" })
        {
            (await Api.DeleteAsync(import)).Expect(204);
            Assert.Equal("canceled", (await Api.GetAsync(import)).Expect(200)["state"].GetString());
        }

        await Wait.UntilAsync(async () => await CountWaitingAsync() == 0, "nothing waits");
        await ExecuteAsync(connection, "ROLLBACK");

        // The queue goes on.
        await EndAsync((await SendAsync($"id\n{id}-after\n")).Expect(202).Message.Headers.Location!.OriginalString);
        (await Api.GetAsync($"customers/{id}")).Expect(404);
        (await Api.GetAsync($"customers/{id}-waiting")).Expect(404);
        (await Api.GetAsync($"customers/{id}-after")).Expect(200);
        Assert.Equal("canceled", (await Api.GetAsync(address)).Expect(200)["state"].GetString());
        (await Api.DeleteAsync(address)).Expect(204);
        (await Api.GetAsync(address)).Expect(404);
        (await Api.DeleteAsync(address)).Expect(204);
    }

    [Fact]
    public async Task Erasure_TakesTheRejectedLinesOfItsCustomerToo()
    {
        var id = NewId();
        foreach (var (type, body) in new[]
        {
            ("text/csv", $"demographic.birthDate,id\nx,{id}-a\nx,{id}-b\n,{id}-a,surplus\n"),
            ("application/x-ndjson", $$"""
                {"id":"{{id}}-a","email":5}
                {"id":"{{id}}-a","nosuch":5}
                {"id":"{{id}}-a","geographic":{"country":"x"} }
                {"id":"{{id}}-b","email":5}
                """),
        })
        {
            var taken = await Api.SendAsync("POST", "customers/import", body, type, ("Prefer", "respond-async"));
            var ended = await EndAsync(taken.Expect(202).Message.Headers.Location!.OriginalString);
            Assert.Equal(type == "text/csv" ? 3 : 4, ended["kept"].GetInt32());
            (await Api.DeleteAsync($"customers/{id}-a")).Expect(204);
            var csv = (await Api.GetAsync($"imports/{ended["id"].GetString()}/errors")).Expect(200).Body;
            Assert.DoesNotContain($"{id}-a", csv);
            Assert.Contains($"{id}-b", csv);
        }
    }

    [Fact]
    public async Task ItsProcessGone_IsShownAsInterrupted_AndSweptInTime()
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        foreach (var (id, state, age) in new[] { ("gone", 1, "1 minute"), ("alive", 1, "1 second"), ("old", 2, "8 days") })
        {
            await using var command = source.CreateCommand($"""
                INSERT INTO imports (id, state, mode, dry_run, csv, received, created, updated, rejected, kept, ignored, header, separator,
                    created_at, alive_at)
                VALUES ('{id}', {state}, 0, false, true, 5, 5, 0, 0, 0, ARRAY[]::text[], ARRAY[]::text[], ',', now(),
                    now() - interval '{age}')
                """);
            await command.ExecuteNonQueryAsync();
        }

        Assert.Equal("interrupted", (await Api.GetAsync("imports/gone")).Expect(200)["state"].GetString());
        Assert.Equal("running", (await Api.GetAsync("imports/alive")).Expect(200)["state"].GetString());
        (await Api.DeleteAsync("imports/gone")).Expect(204);
        (await Api.GetAsync("imports/gone")).Expect(404);
        await using var server = new ApiFixture.Server(fixture.ConnectionString, migrate: false);
        await server.Services.GetRequiredService<ImportJobs>().SweepAsync(CancellationToken.None);
        (await Api.GetAsync("imports/old")).Expect(404);
        (await Api.GetAsync("imports/alive")).Expect(200);
    }

    [Fact]
    public async Task TooLarge_OrTooMany_IsRefused()
    {
        await using var server = new ApiFixture.Server(
            fixture.ConnectionString, [("Imports:MaxFileBytes", "1000"), ("Imports:MaxFiles", "1")], migrate: false);
        var large = "id\n" + new string('x', 2000);
        Assert.Contains("in parts", (await SendAsync(large, "", server.Api)).Expect(413)["title"].GetString());
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await ExecuteAsync(connection, "BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE");

        // Whoever is slow to send takes the place of nobody.
        using var slow = new TcpClient();
        await slow.ConnectAsync("127.0.0.1", server.Api.Client.BaseAddress!.Port);
        await slow.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            "POST /api/v1/customers/import HTTP/1.1\r\nHost: localhost\r\nPrefer: respond-async\r\nContent-Type: text/csv\r\n"
            + "Content-Length: 100\r\n\r\nid\nslow"));
        var first = (await SendAsync("id\nx", "", server.Api)).Expect(202);
        var second = (await SendAsync("id\nx", "", server.Api)).Expect(429);
        Assert.NotNull(second.Message.Headers.RetryAfter);
        await ExecuteAsync(connection, "ROLLBACK");
        await EndAsync(first.Message.Headers.Location!.OriginalString);
        await Wait.UntilAsync(async () => (await SendAsync("id\nx", "?dryRun=true", server.Api)).Status == 202, "room");
    }

    [Fact]
    public async Task NoFolder_Is503ThatNamesTheSetting()
    {
        await using var server = new ApiFixture.Server(
            fixture.ConnectionString, [("Imports:Directory", "/proc/nowhere")], migrate: false);
        Assert.Contains("Imports:Directory", (await SendAsync("id\nx", "", server.Api)).Expect(503)["title"].GetString());
    }

    private static string NewId() => $"background-{Interlocked.Increment(ref made)}";

    private Task<Answer> SendAsync(string csv, string query = "", Api? api = null) =>
        (api ?? Api).SendAsync("POST", "customers/import" + query, csv, "text/csv", ("Prefer", "respond-async"));

    private async Task<Answer> EndAsync(string address)
    {
        Answer? answer = null;
        await Wait.UntilAsync(async () =>
        {
            answer = (await Api.GetAsync(address)).Expect(200);
            return answer["state"].GetString() is not ("waiting" or "running");
        }, "an end");
        return answer!;
    }

    private async Task<long> CountWaitingAsync()
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand("""
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%incoming_customers%'
            """);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
