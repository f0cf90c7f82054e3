using System.ComponentModel;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>
/// Which properties a line of an import names, a bit each (<see cref="ProfileProperties.Bits"/>): what it does not name, a merge keeps.
/// </summary>
internal static class NamedProperties
{
    public const ulong Attributes = 1UL << 62;
    public const ulong Consents = 1UL << 63;
    public const ulong All = ulong.MaxValue;

    private static readonly Level customer = Level.Create(typeof(CustomerResource), "");

    /// <summary>The bits of a property or a column, by its dotted name; none for one that is read-only.</summary>
    public static ulong Find(string name) => name.Split('.')[0] switch
    {
        "attributes" => Attributes,
        "consents" => Consents,
        _ => ProfileProperties.Bits.GetValueOrDefault(name),
    };

    /// <summary>What a customer in JSON names. Only for what could be read as one.</summary>
    /// <param name="ignored">Where read-only properties that it has are added.</param>
    public static ulong Read(ReadOnlySpan<byte> json, ISet<string> ignored)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return customer.Read(ref reader, ignored);
    }

    // A property of an object, with those that are in it.
    private sealed record Item(byte[] Name, string Path, ulong Bits, bool IsReadOnly, Level? Inner);

    private sealed class Level(Item[] items)
    {
        public static Level Create(Type type, string prefix) =>
            new([.. Json.Options.GetTypeInfo(type).Properties.Select(p => CreateItem(p, prefix + p.Name))]);

        private static Item CreateItem(JsonPropertyInfo property, string path)
        {
            var isReadOnly = property.AttributeProvider!.IsDefined(typeof(ReadOnlyAttribute), false);
            var bits = Find(path);

            // What has bits of its own is one value, a place for instance; what has none may have them inside.
            var inner = bits == 0 && !isReadOnly && Json.Options.GetTypeInfo(property.PropertyType).Kind == JsonTypeInfoKind.Object
                ? Create(property.PropertyType, path + ".")
                : null;
            return new Item(Encoding.UTF8.GetBytes(property.Name), path, inner?.Bits ?? bits, isReadOnly, inner);
        }

        private ulong Bits { get; } = items.Aggregate(0UL, (bits, item) => bits | item.Bits);

        // From an object's start to its end.
        public ulong Read(ref Utf8JsonReader reader, ISet<string> ignored)
        {
            var named = 0UL;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var item = Match(ref reader);
                reader.Read();
                if (item?.Inner is { } inner && reader.TokenType == JsonTokenType.StartObject)
                {
                    named |= inner.Read(ref reader, ignored);
                    continue;
                }

                named |= item?.Bits ?? 0;
                reader.Skip();
                if (item?.IsReadOnly == true)
                {
                    ignored.Add(item.Path);
                }
            }

            return named;
        }

        private Item? Match(ref Utf8JsonReader reader)
        {
            foreach (var item in items)
            {
                if (reader.ValueTextEquals(item.Name))
                {
                    return item;
                }
            }

            return null;
        }
    }
}
