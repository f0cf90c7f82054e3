using System.Text;

namespace Segmentation.Api.Tests.Fuzz;

/// <summary>A request that was made up: how it is sent, and how it is told when its answer is wrong.</summary>
/// <param name="Target">Path and query, escaped.</param>
/// <param name="IsMatched">Whether the path leads to the operation: then its answer must be one of the document.</param>
internal sealed record FuzzRequest(
    FuzzOperation Operation,
    string Method,
    string Target,
    bool IsMatched,
    byte[]? Body,
    string? MediaType,
    (string Name, string Value)[] Headers)
{
    public HttpRequestMessage CreateMessage()
    {
        var message = new HttpRequestMessage(new HttpMethod(Method), Target);
        if (Body is not null)
        {
            message.Content = new ByteArrayContent(Body);
            if (MediaType is not null)
            {
                message.Content.Headers.TryAddWithoutValidation("Content-Type", MediaType);
            }
        }

        foreach (var (name, value) in Headers)
        {
            if (!message.Headers.TryAddWithoutValidation(name, value))
            {
                message.Content?.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return message;
    }

    public override string ToString() =>
        $"{Method} {Target} [{MediaType}] {string.Join(", ", Headers)} "
        + Encoding.Latin1.GetString((Body ?? []).AsSpan()[..Math.Min(600, Body?.Length ?? 0)]);
}

/// <summary>Makes up requests: from a seed always the same, as long as the answers are.</summary>
internal sealed class FuzzRequests(FuzzDocument document, int seed)
{
    private static readonly string[] OddIds =
    [
        " ", "'", "\"", "%", "%2e%2e", "%00", "a/b", "export", "import", "preview", "\t", "\u00a0", "😀", "\u202e", "-1", "0", "null",
        "A", "İ", "x y", "*", ";", "a;b=c", "?", "#", "&", "+", "$1", "{id}", "<b>", new('x', 128), new('x', 129), new('ü', 600),
        "..a", "...",
    ];

    private static readonly string[] OddPaths =
    [
        "/..", "/%2e%2e", "/.%2E/", "/%00", "//", "/%2f", "/%5c", "/\\", "/%", "/%zz", "/%ff", "/%c0%ae", "/.", "/;", "/%20",
        "/%E2%80%A5",
    ];

    private static readonly string[] Junk =
    [
        "", "{}", "[]", "null", "true", "\"x\"", "{", "}{", "[[[[", "\ufeff{}", "{\"a\":1,\"a\":2}", "1e400", "{\"\\ud800\":1}", "\0",
    ];

    private static readonly string[] MediaTypes =
    [
        "application/json", "application/merge-patch+json", "application/x-ndjson", "text/csv", "text/plain", "application/xml",
        "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "application/json; charset=latin1",
        "application/json; charset=utf-8; charset=x", "application/json; charset=\"utf-8\"", "nonsense", "*/*", "", ";",
        "application/*+json",
        "text/csv; charset=utf-16", "text/csv; charset=windows-1252", "APPLICATION/JSON",
    ];

    private static readonly (string, string[])[] OddHeaders =
    [
        ("Accept", ["text/csv", "application/x-ndjson", "application/json", "image/png", "*/*", "nonsense", ";", "text/csv;q=0", "a/b;q=x",
            "application/json;q=0, */*;q=0.1", "text/event-stream", "text/csv; formulas=raw"]),
        ("If-Match", ["\"1\"", "*", "W/\"1\"", "x", "\"", "\"1\", \"2\"", "\"999999999999999999999\""]),
        ("If-None-Match", ["\"1\"", "*", "W/\"1\"", "x", "\"", "\"1\", \"2\""]),
        ("Prefer", ["respond-async", "respond-async; wait=1", "nonsense", ";;"]),
        ("Content-Encoding", ["gzip", "br", "zstd", "identity", "gzip, br", ""]),
        ("Origin", ["https://evil.example", "null", "nonsense", "https://app.example"]),
        ("Sec-Fetch-Site", ["cross-site", "same-origin", "none"]),
        ("X-Request-Id", ["mine", "not an id", "ü", "<x>"]),
        ("Last-Event-ID", ["1", "x", "0-0", "999999999999999999999"]),
        ("Idempotency-Key", ["one", "two", "", "a b", "\"quoted\""]),
        ("Cookie", ["a=b"]),
        ("Expect", ["nonsense"]),
        ("Range", ["bytes=0-1"]),
    ];

    private readonly Random random = new(seed);
    private FuzzValues? values;

    public FuzzValues Values => values ??= new FuzzValues(document, random);

    /// <summary>The next one.</summary>
    public FuzzRequest Create()
    {
        var operation = Values.Pick(document.Operations);
        var (path, matched) = (operation.Path, true);
        foreach (var parameter in operation.Parameters.Where(p => p.In == "path"))
        {
            var value = PathValue(parameter);
            path = path.Replace($"{{{parameter.Name}}}", Escape(value), StringComparison.Ordinal);

            // An id in whose address something else stands, or that can be none.
            matched &= value.Length > 0 && value is not ("." or "..") && !value.Contains('\0') && !value.Contains('/')
                && !document.Operations.Any(o => o.Path.EndsWith($"/{value}", StringComparison.OrdinalIgnoreCase));
        }

        var method = operation.Method;
        if (random.Next(30) == 0)
        {
            path = path.Insert(random.Next(path.Length), Values.Pick(OddPaths));
            matched = false;
        }
        else if (random.Next(40) == 0)
        {
            method = Values.Pick(["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"]);
            matched = false;
        }

        var (body, mediaType) = CreateBody(operation);
        return new FuzzRequest(operation, method, path + CreateQuery(operation), matched, body, mediaType, CreateHeaders(operation));
    }

    private string PathValue(FuzzParameter parameter) => random.Next(8) switch
    {
        0 => Values.Pick(OddIds),
        1 => Values.Text(),
        2 => $"fuzz-{random.Next(5)}",
        _ => parameter.Name switch
        {
            "version" => "1",
            "name" => Values.Pick(["plan", "customer.email", "demographic.age", "fuzzed", "known"]),
            _ => Values.Pick(["known", "known", "manual", "draft", Values.Text()]),
        },
    };

    private string CreateQuery(FuzzOperation operation)
    {
        var pairs = operation.Parameters.Where(p => p.In == "query" && random.Next(4) == 0)
            .Select(p => $"{p.Name}={Escape(random.Next(3) == 0 ? Values.Text() : Values.Create(p.Schema)?.ToString() ?? "")}").ToList();
        switch (random.Next(40))
        {
            case 0:
                pairs.Add("nosuch=1");
                break;
            case 1 when pairs.Count > 0:
                pairs.Add(pairs[0]);
                break;
            case 2:
                pairs.Add(Values.Pick(
                    ["q=%ff", "limit=%31", "cursor=e30", "cursor=W10", "cursor=WzFd", "cursor=WyJhIl0", "&&", "=", "limit", "%00=1"]));
                break;
        }

        return pairs.Count == 0 ? "" : "?" + string.Join('&', pairs);
    }

    private (byte[]? Body, string? MediaType) CreateBody(FuzzOperation operation)
    {
        if (operation.Bodies is [])
        {
            return random.Next(25) == 0 ? (Encoding.UTF8.GetBytes("{}"), Values.Pick(MediaTypes)) : (null, null);
        }

        var declared = Values.Pick(operation.Bodies);
        var isJson = FuzzDocument.IsJson(declared.MediaType);
        var text = random.Next(10) switch
        {
            <= 3 when declared.Examples is not [] => Values.Pick(declared.Examples),
            <= 6 when declared.Examples is not [] && isJson => Values.Mutate(Values.Pick(declared.Examples)),
            7 => Values.Pick(Junk),
            8 when isJson => Values.Any()?.ToJsonString() ?? "null",
            _ when isJson => Values.Create(declared.Schema)?.ToJsonString() ?? "null",
            _ => string.Join('\n', Enumerable.Range(0, random.Next(5)).Select(_ => $"{Values.Text()},{Values.Text()}")),
        };
        if (declared.MediaType.StartsWith("multipart", StringComparison.Ordinal))
        {
            return (Encoding.UTF8.GetBytes(
                $"--x\r\nContent-Disposition: form-data; name=file; filename=a.csv\r\n\r\nid\nfuzz\n{text}\r\n--x--\r\n"),
                "multipart/form-data; boundary=x");
        }

        // Webhooks of examples lead to a host that there is.
        var body = Encoding.UTF8.GetBytes(text.Replace("example.com", "example.invalid", StringComparison.Ordinal));
        if (random.Next(10) == 0 && body.Length > 0)
        {
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }
        }
        else if (random.Next(30) == 0 && body.Length > 0)
        {
            body = body[..random.Next(body.Length)];
        }

        return (body, random.Next(15) == 0 ? Values.Pick(MediaTypes) : random.Next(40) == 0 ? null : declared.MediaType);
    }

    // Half a surrogate pair can't be sent.
    private static string Escape(string text) => Uri.EscapeDataString(text.Replace("\ud800", "", StringComparison.Ordinal));

    private (string, string)[] CreateHeaders(FuzzOperation operation)
    {
        List<(string, string)> headers = [];
        if (operation.Id == "Segments_Stream" && random.Next(2) == 0)
        {
            headers.Add(("Last-Event-ID", Values.Text()));
        }

        while (random.Next(4) == 0)
        {
            var (name, options) = Values.Pick(OddHeaders);
            if (!headers.Any(h => h.Item1 == name))
            {
                headers.Add((name, Values.Pick(options)));
            }
        }

        // What the client's library does not send at all.
        return [.. headers.Select(h => (h.Item1, new string([.. h.Item2.Where(c => c is >= ' ' and <= '~')])))];
    }
}
