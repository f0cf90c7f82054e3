using System.Buffers.Text;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Streams;

/// <summary>
/// A position in a segment's changes: revision by revision, in each who left before who joined, then by the customer's key.
/// </summary>
/// <param name="Kind">One of <see cref="Left"/>, <see cref="Joined"/> and <see cref="End"/>.</param>
public readonly record struct ChangePosition(long Revision, int Kind, long CustomerKey) : IComparable<ChangePosition>
{
    public const int Left = 0, Joined = 1, End = 2;

    /// <summary>After everything in a revision.</summary>
    public static ChangePosition After(long revision) => new(revision, End, 0);

    public int CompareTo(ChangePosition other) =>
        (Revision, Kind, CustomerKey).CompareTo((other.Revision, other.Kind, other.CustomerKey));

    /// <summary>As the API shows it: opaque.</summary>
    public override string ToString() =>
        Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(new[] { Revision, Kind, CustomerKey }));

    /// <exception cref="ApiProblem">400 at the name given: the text is no position.</exception>
    public static ChangePosition Parse(string text, string name)
    {
        try
        {
            var parts = JsonSerializer.Deserialize<long[]>(Base64Url.DecodeFromChars(text));
            if (parts is [>= 0 and var revision, >= Left and <= End and var kind, >= 0 and var key])
            {
                return new ChangePosition(revision, (int)kind, key);
            }
        }
        catch (Exception malformed) when (malformed is FormatException or JsonException)
        {
        }

        throw ApiProblem.Invalid(name, "This must be an id that a stream has sent. Leave it out to receive what happens from now on.");
    }
}
