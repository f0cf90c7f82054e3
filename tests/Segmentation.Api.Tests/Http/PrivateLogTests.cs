using System.Diagnostics;
using System.Text;
using Npgsql;
using Segmentation.Api.Http;
using Segmentation.Api.Tests.Fuzz;

namespace Segmentation.Api.Tests.Http;

/// <summary>Nothing that is sent comes into the log, whatever becomes of the request.</summary>
public sealed class PrivateLogTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Marker = "m4rk3r";

    [Fact]
    public async Task Marker_WhereverItIsSent_IsNotInTheLog()
    {
        await RefuseCustomersAsync();
        using var process = Start();
        try
        {
            var log = new List<string>();
            var api = new Api(new HttpClient { BaseAddress = await ReadAddressAsync(process.StandardOutput, log) });
            var reading = ReadAsync(process.StandardOutput, log);
            var errors = process.StandardError.ReadToEndAsync();
            var document = await FuzzDocument.ReadAsync(api.Client);
            var statuses = new HashSet<int>();
            foreach (var operation in document.Operations.Where(o => o.Id != "Segments_Stream"))
            {
                foreach (var (body, type) in Bodies(operation))
                {
                    statuses.Add(await SendAsync(api, operation, body, type, isKnown: false));
                    statuses.Add(await SendAsync(api, operation, body, type, isKnown: true));
                }
            }

            // The database says the marker in its message, as it does with a value that it can't take.
            (await api.PutAsync($"customers/{Marker}", "{}")).Expect(500);
            (await api.GetAsync($"{Marker}?{Marker}={Marker}")).Expect(404);
            await RawRequest.SendAsync(api.Client.BaseAddress!, $"{Marker} /api/v1/customers");
            await RawRequest.SendAsync(api.Client.BaseAddress!, $"DELETE /api/v1/customers/{Marker}/%2e%2e");
            await RawRequest.SendAsync(api.Client.BaseAddress!, "GET /api/v1/customers", host: $"{Marker}.example");

            process.Kill();
            await reading;
            var text = string.Join('\n', log) + await errors;
            Assert.DoesNotContain(Marker, text, StringComparison.OrdinalIgnoreCase);

            // It says enough all the same.
            Assert.Contains(" GET api/v1/customers/{id} 404 ", text, StringComparison.Ordinal);
            Assert.Contains("OTHER (none) 405 ", text, StringComparison.Ordinal);
            Assert.Contains("Npgsql.PostgresException: SqlState 22023", text, StringComparison.Ordinal);
            Assert.Contains("   at Npgsql.", text, StringComparison.Ordinal);
            Assert.Superset(new HashSet<int> { 200, 204, 400, 404, 415 }, statuses);
        }
        finally
        {
            process.Kill();
        }
    }

    [Fact]
    public void Exception_IsDescribedByWhatIsOurs()
    {
        try
        {
            throw new InvalidOperationException(Marker, new ApiProblem(503, "The database is not available."));
        }
        catch (InvalidOperationException e)
        {
            var text = PrivateLog.Describe(e);
            Assert.DoesNotContain(Marker, text, StringComparison.Ordinal);
            Assert.Contains("System.InvalidOperationException", text, StringComparison.Ordinal);
            Assert.Contains("ApiProblem: The database is not available.", text, StringComparison.Ordinal);
            Assert.Contains(nameof(Exception_IsDescribedByWhatIsOurs), text, StringComparison.Ordinal);
        }
    }

    private static IEnumerable<(string? Body, string Type)> Bodies(FuzzOperation operation)
    {
        if (operation.Bodies is [])
        {
            yield return (null, "");
            yield break;
        }

        yield return ($"{{\"{Marker}\":\"{Marker}\",\"id\":\"{Marker}\",\"email\":\"{Marker}\"", "application/json");
        foreach (var type in operation.Bodies.Select(b => b.MediaType))
        {
            yield return ($$"""{"{{Marker}}":"{{Marker}}"}""", type);
            yield return ($"{{\"id\":\"{Marker}\",\"key\":\"{Marker}\",\"rule\":{{\"field\":\"{Marker}\",\"value\":\"{Marker}\"}}}}", type);
            yield return ($"id,email,{Marker}\n{Marker},{Marker},{Marker}\n", type);
        }

        yield return ($"{Marker}[=1", "application/x-www-form-urlencoded");
        yield return (Marker, $"text/{Marker}; charset={Marker}");
    }

    private static async Task<int> SendAsync(Api api, FuzzOperation operation, string? body, string type, bool isKnown)
    {
        var path = operation.Parameters.Where(p => p.In == "path").Aggregate(
            operation.Path, (at, p) => at.Replace($"{{{p.Name}}}", $"{Marker}-{p.Name}", StringComparison.Ordinal));
        var query = isKnown
            ? string.Join('&', operation.Parameters.Where(p => p.In == "query").Select(p => $"{p.Name}={Marker}"))
            : $"{Marker}={Marker}";
        (string, string)[] headers = isKnown ? [] :
            [("Accept", $"{Marker}/x"), ("If-Match", Marker), ("X-Other", Marker), ("Cookie", $"a={Marker}"), ("Authorization", Marker)];
        return (await api.SendAsync(
            operation.Method, $"{path}?{query}", body is null ? null : Encoding.UTF8.GetBytes(body), type, headers)).Status;
    }

    private async Task RefuseCustomersAsync()
    {
        await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = database.CreateCommand($"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'the value {Marker} is wrong' USING ERRCODE = '22023', DETAIL = '{Marker}'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION refuse();
            """);
        await command.ExecuteNonQueryAsync();
    }

    private Process Start()
    {
        var start = new ProcessStartInfo("dotnet",
        [
            typeof(Segmentation.Local.Program).Assembly.Location, "--urls", "http://127.0.0.1:0",
            $"--ConnectionStrings:Segmentation={fixture.ConnectionString}", "--Serilog:MinimumLevel:Default=Debug",
            "--Serilog:MinimumLevel:Override:Microsoft=Information", "--Serilog:MinimumLevel:Override:Microsoft.EntityFrameworkCore=Error",
        ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_CONTENTROOT"] = Repository.GetPath("src/Segmentation.Api");
        return Process.Start(start)!;
    }

    private static async Task<Uri> ReadAddressAsync(StreamReader output, List<string> log)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            log.Add(line);
            if (line.StartsWith("API ", StringComparison.Ordinal))
            {
                return new Uri(new Uri(line["API".Length..].Trim()), "/");
            }
        }

        throw new InvalidOperationException(string.Join('\n', log));
    }

    private static async Task ReadAsync(StreamReader output, List<string> log)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            log.Add(line);
        }
    }
}
