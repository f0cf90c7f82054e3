using System.Globalization;
using System.Text;
using System.Text.Json;
using Segmentation.Api.Access;
using Segmentation.Api.Tests.Http;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Fuzz;

/// <summary>
/// Whatever is sent: never a 500, never a status that the OpenAPI document does not have, every answer as its schema says.
/// <c>scripts/fuzz</c> sends more.
/// </summary>
public sealed class FuzzTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int MaxFaults = 20;

    // A problem's bytes at most, as FaultList has it.
    private const int MaxProblemBytes = 64 * 1024;

    private static readonly string[] Internals = ["System.", "Microsoft.", "Npgsql", "EntityFramework", "   at ", "SELECT ", "INSERT "];

    private static readonly int Requests = Setting("FUZZ_REQUESTS", 2000);

    private static readonly int Seed = Setting("FUZZ_SEED", 7);

    private readonly Dictionary<string, int> answers = [];
    private string? keyId;

    [Fact]
    public async Task Anything_IsAnsweredAsTheDocumentSays()
    {
        var api = fixture.Api;
        (await api.PutAsync("segments/known", RuleJson.Body(RuleJson.Everyone))).Expect(201);
        (await api.PutAsync("segments/manual", """{"kind":"manual"}""")).Expect(201);
        (await api.PutAsync("segments/draft", RuleJson.Body(RuleJson.Everyone, "\"status\":\"draft\""))).Expect(201);
        (await api.PutAsync("customers/known", """{"email":"known@example.invalid"}""")).Expect(201);
        (await api.PutAsync("attributes/plan", """{"type":"text","kind":"value"}""")).Expect(201);
        // One of the requests makes a key, which closes the service to whoever has none.
        var scopes = JsonSerializer.Serialize(Scopes.OfKeys);
        var key = (await api.PostAsync("api-keys", $$$"""
            {"name":"fuzz","scopes":{{{scopes}}},"limits":{"perSecond":100000,"burst":100000}}
            """)).Expect(201);
        keyId = key["id"].GetString();
        api.Client.DefaultRequestHeaders.Authorization = new("Bearer", key["secret"].GetString());
        var document = await FuzzDocument.ReadAsync(api.Client);
        var requests = new FuzzRequests(document, Seed);
        List<string> faults = [];
        for (var i = 0; i < Requests && faults.Count < MaxFaults; i++)
        {
            var request = requests.Create();
            if (await TryAsync(() => FindFaultAsync(document, request, requests.Values)) is { } fault)
            {
                faults.Add($"request {i} of seed {Seed}: {fault}\n    {request}");
            }
        }

        if (Environment.GetEnvironmentVariable("FUZZ_REPORT") is { Length: > 0 } report)
        {
            await File.WriteAllLinesAsync(report, answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key} {a.Value}"));
        }

        Assert.True(faults.Count == 0, string.Join("\n", faults));
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : otherwise;

    // A connection that is closed without an answer is a fault as well.
    private static async Task<string?> TryAsync(Func<Task<string?>> find)
    {
        try
        {
            return await find();
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            return e.ToString();
        }
    }

    private async Task<string?> FindFaultAsync(FuzzDocument document, FuzzRequest request, FuzzValues values)
    {
        if (!request.IsMatched)
        {
            var (raw, head, text) = await RawRequest.SendAsync(
                fixture.Api.Client.BaseAddress!, $"{request.Method} {request.Target}",
                string.Concat(request.Headers.Append(("Content-Type", request.MediaType ?? ""))
                    .Append(("Authorization", $"{fixture.Api.Client.DefaultRequestHeaders.Authorization}"))
                    .Select(h => $"{h.Item1}: {h.Item2}\r\n")),
                request.Body);
            Count("other", raw);
            return (request.Method == "HEAD" && raw < 500)
                || IsOwn(request.Target, raw, isJson: head.Contains("application/json", StringComparison.Ordinal))
                ? null
                : FindProblemFault(raw, head.Contains("application/problem+json", StringComparison.Ordinal), text);
        }

        using var message = request.CreateMessage();
        using var answer = await fixture.Api.Client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        var (status, mediaType) = ((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType);
        var isEndless = mediaType == "text/event-stream";
        var body = isEndless ? "" : await answer.Content.ReadAsStringAsync();
        Count(request.Operation.Id, status);
        if (status is >= 200 and < 300)
        {
            Learn(values, mediaType, body);
        }

        return (IsOwn(request.Target, status, mediaType == "application/json") ? null
                : FindProblemFault(status, mediaType == "application/problem+json", body))
            ?? (isEndless || IsBare(status, body) ? null : document.FindFault(request.Operation, status, mediaType, body))
            ?? (answer.Headers.Contains("X-Request-Id") || IsBare(status, body) ? null : "no X-Request-Id");
    }

    // A protocol has errors of its own, which the document shows.
    private static bool IsOwn(string target, int status, bool isJson) =>
        isJson && status is (400 or 404) && target.StartsWith("/ofrep/", StringComparison.OrdinalIgnoreCase);

    private void Count(string operation, int status) =>
        answers[$"{operation} {status}"] = answers.GetValueOrDefault($"{operation} {status}") + 1;

    // What the server refuses before there is a request has no body: a NUL in the path, a line or headers that are too long.
    private static bool IsBare(int status, string body) => status is 400 or 414 or 431 && body.Length == 0;

    private static string? FindProblemFault(int status, bool isProblem, string body)
    {
        if (status >= 500)
        {
            return $"{status} {body}";
        }

        if (status < 400 || IsBare(status, body))
        {
            return null;
        }

        if (!isProblem)
        {
            return $"{status} is no problem: {body}";
        }

        var problem = JsonSerializer.Deserialize<JsonElement>(body);
        return problem.GetProperty("status").GetInt32() != status ? $"{status} says {body}"
            : status == 400 && !(problem.TryGetProperty("errors", out var errors) && errors.EnumerateObject().Any())
                ? $"400 without errors: {body}"
            : !problem.TryGetProperty("requestId", out _) ? $"{status} without requestId: {body}"
            : Encoding.UTF8.GetByteCount(body) > MaxProblemBytes ? $"{status} of {body.Length} characters"
            : Internals.FirstOrDefault(i => body.Contains(i, StringComparison.Ordinal)) is { } found ? $"\"{found}\" in {body}"
            : null;
    }

    // Ids and keys that there are lead further in; the key's own would end it.
    private void Learn(FuzzValues values, string? mediaType, string body)
    {
        if (mediaType != "application/json"
            || JsonSerializer.Deserialize<JsonElement>(body) is not { ValueKind: JsonValueKind.Object } answer)
        {
            return;
        }

        var items = answer.TryGetProperty("items", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Take(3).Where(i => i.ValueKind == JsonValueKind.Object)
            : [];
        foreach (var item in items.Prepend(answer))
        {
            foreach (var name in new[] { "id", "key", "name", "nextCursor" })
            {
                if (item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() != keyId)
                {
                    values.Add(value.GetString()!);
                }
            }
        }
    }
}
