using System.Text.Unicode;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Http;

/// <summary>
/// Whether a request's address says where it leads. The server resolves <c>..</c> and its escapes before it looks for a route, so that
/// what has them would reach another route than the one that was written: it is refused as it came.
/// </summary>
internal static class RequestTarget
{
    /// <summary>The fault's place: the path has no name of its own.</summary>
    public const string Path = "path";

    // Below it stand the keys of another protocol's clients, any text, as one segment: of escapes the server leaves slashes alone as they
    // are, so that they lead nowhere else.
    private const string AnyText = "/ofrep/";

    /// <summary>What is wrong with a target, as it was sent; null where nothing is.</summary>
    /// <param name="target">A path with its query, or a whole URL.</param>
    public static RuleError? FindFault(string target)
    {
        var start = target.StartsWith('/') ? 0 : target.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0
            ? target.IndexOf('/', scheme + 3)
            : -1;
        if (start < 0)
        {
            return null;
        }

        var path = target.AsSpan(start);
        var mark = path.IndexOf('?');
        var query = mark < 0 ? default : path[(mark + 1)..];
        path = mark < 0 ? path : path[..mark];
        return FindPathFault(path) is { } fault ? new RuleError(Path, fault) : FindQueryFault(query);
    }

    // A plain path has no need of a look at its segments: nearly all are.
    private static string? FindPathFault(ReadOnlySpan<char> path)
    {
        if (path.IndexOfAny("%\\") < 0 && path.IndexOf("/.") < 0)
        {
            return null;
        }

        if (path.Contains('\\'))
        {
            return "A backslash in the path must be escaped: %5C.";
        }

        foreach (var part in path.Split('/'))
        {
            var bytes = new byte[path[part].Length];
            if (!TryUnescape(path[part], isStrict: true, bytes, out var length))
            {
                return "A percent sign in the path must begin an escape, two hexadecimal digits; itself it is %25.";
            }

            var segment = bytes.AsSpan(0, length);
            var fault = segment is [(byte)'.'] or [(byte)'.', (byte)'.']
                ? "A segment of the path is . or .., also where it is escaped: nothing can have that name."
                : segment.Contains((byte)0) || (segment.Contains((byte)'/') && !path.StartsWith(AnyText, StringComparison.Ordinal))
                    ? "A segment of the path can't hold NUL or a slash, also where it is escaped."
                : Utf8Text.FindFault(segment) is { } invalid ? $"A segment of the path is {invalid}"
                : null;
            if (fault is not null)
            {
                return fault;
            }
        }

        return null;
    }

    // Of a query nothing is resolved; what is no text would be taken for other text.
    private static RuleError? FindQueryFault(ReadOnlySpan<char> query)
    {
        if (!query.Contains('%'))
        {
            return null;
        }

        foreach (var part in query.Split('&'))
        {
            var pair = query[part];
            var bytes = new byte[pair.Length];
            _ = TryUnescape(pair, isStrict: false, bytes, out var length);
            if (!Utf8.IsValid(bytes.AsSpan(0, length)))
            {
                var name = pair.IndexOf('=') is var end and >= 0 ? pair[..end] : pair;
                return new RuleError(name.Contains('%') ? "" : name.ToString(), "It is not valid UTF-8 where it is unescaped.");
            }
        }

        return null;
    }

    // A server lets only ASCII into a target.
    private static bool TryUnescape(ReadOnlySpan<char> text, bool isStrict, Span<byte> bytes, out int length)
    {
        length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                bytes[length++] = (byte)text[i];
            }
            else if (i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2]))
            {
                bytes[length++] = Convert.FromHexString(text.Slice(i + 1, 2))[0];
                i += 2;
            }
            else if (isStrict)
            {
                return false;
            }
            else
            {
                bytes[length++] = (byte)'%';
            }
        }

        return true;
    }
}
