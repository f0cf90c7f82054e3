using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Segmentation.Api.Http;

/// <summary>The one check of whether bytes that came are text: a part that is kept as it came would fail when it is stored.</summary>
internal static class Utf8Text
{
    /// <summary>What is wrong, to follow "It is": <c>not valid UTF-8, from byte 12 on.</c>; null where nothing is.</summary>
    public static string? FindFault(ReadOnlySpan<byte> text) => Utf8.IsValid(text)
        ? null
        : $"not valid UTF-8, from byte {CountValid(text).ToString(CultureInfo.InvariantCulture)} on.";

    private static int CountValid(ReadOnlySpan<byte> text)
    {
        var valid = 0;
        while (Rune.DecodeFromUtf8(text[valid..], out _, out var length) == OperationStatus.Done)
        {
            valid += length;
        }

        return valid;
    }
}
