using System.Text;

namespace Segmentation.Api.Http;

/// <summary>Bounds what an answer says of a request's faults: its sender mends the first hundred as well as a million.</summary>
internal static class FaultList
{
    /// <summary>Faults in an answer.</summary>
    public const int MaxFaults = 100;

    /// <summary>Bytes of an answer, with what stands beside the faults.</summary>
    public const int MaxBytes = 64 * 1024;

    // The title, the type and the id stand beside them; a fault has its quotation marks and commas; any byte may be escaped.
    private const int BytesBeside = 2048;
    private const int BytesAround = 8;
    private const int MaxPlaceLength = 512;
    private const int MaxMessageLength = 4096;

    /// <summary>The first faults, in their order; a place that is too long to show is cut.</summary>
    public static Dictionary<string, string[]> Cut(IReadOnlyDictionary<string, string[]> errors, out bool isTruncated)
    {
        var (left, bytes) = (MaxFaults, MaxBytes - BytesBeside);
        var kept = new Dictionary<string, string[]>(StringComparer.Ordinal);
        isTruncated = false;
        foreach (var (place, messages) in errors)
        {
            var shown = Shorten(place, MaxPlaceLength, ref isTruncated);
            bytes -= Count(shown);
            List<string> taken = [];
            foreach (var message in messages)
            {
                var text = Shorten(message, MaxMessageLength, ref isTruncated);
                bytes -= Count(text);
                if (left-- == 0 || bytes < 0)
                {
                    isTruncated = true;
                    break;
                }

                taken.Add(text);
            }

            if (taken is not [])
            {
                kept[shown] = kept.TryGetValue(shown, out var before) ? [.. before, .. taken] : [.. taken];
            }

            if (taken.Count < messages.Length)
            {
                break;
            }
        }

        return kept;
    }

    private static string Shorten(string text, int length, ref bool isShortened)
    {
        isShortened |= text.Length > length;
        return text.Length > length ? text[..length] + "…" : text;
    }

    // As JSON shows it.
    private static int Count(string text) => Encoding.UTF8.GetByteCount(text) + text.Count(c => c is '"' or '\\')
        + (5 * text.Count(char.IsControl)) + BytesAround;
}
