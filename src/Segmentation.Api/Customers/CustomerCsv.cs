using System.Buffers;
using System.ComponentModel;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// Customers as CSV: a column is a property's dotted name, a set's values are joined by <c>|</c>. A record is turned into the JSON that it
/// stands for and back, so that CSV and JSON can't come to mean different things. The columns are those of <see cref="CustomerResource"/>.
/// </summary>
internal sealed class CustomerCsv
{
    private enum Cell { Text, Number, Boolean, Set, ReadOnly }

    private static readonly (string Name, Cell Cell)[] Fixed = [.. Leaves(typeof(CustomerResource), "", false)];
    private static readonly SearchValues<char> Quoted = SearchValues.Create("\",\r\n");

    private readonly string[] columns;
    private readonly Node root = new("", -1, Cell.Text);

    private CustomerCsv(IEnumerable<(string Name, Cell Cell)> cells)
    {
        var all = cells.ToArray();
        columns = [.. all.Select(c => c.Name)];
        for (var i = 0; i < all.Length; i++)
        {
            root.Add(all[i].Name.Split('.'), i, all[i].Cell);
        }
    }

    /// <summary>The ids alone.</summary>
    public static CustomerCsv Ids { get; } = new([("id", Cell.Text)]);

    /// <summary>All columns that there are, for an export.</summary>
    public static CustomerCsv For(IEnumerable<CustomerAttribute> attributes, IEnumerable<string> purposes) => new(
    [
        .. Fixed,
        .. attributes.OrderBy(a => a.Name, StringComparer.Ordinal).Select(a => ($"attributes.{a.Name}", CellFor(a))),
        .. purposes.Order(StringComparer.Ordinal)
            .SelectMany(p => new[] { ($"consents.{p}.granted", Cell.Boolean), ($"consents.{p}.at", Cell.Text) }),
    ]);

    /// <summary>The columns that a file's header names.</summary>
    /// <exception cref="ApiProblem">One is unknown or stands there twice, or there is no <c>id</c>.</exception>
    public static CustomerCsv Read(IReadOnlyList<string?> header, IReadOnlyDictionary<string, CustomerAttribute> attributes)
    {
        var names = header.Select(name => name?.Trim() ?? "").ToArray();
        string[] known = [.. Fixed.Select(f => f.Name), .. attributes.Keys.Select(a => $"attributes.{a}")];
        var cells = names.Select(name => (name, Cell: Find(name, attributes))).ToArray();
        RuleError[] faults =
        [
            .. cells.Where(c => c.Cell is null)
                .Select(c => new RuleError("header", $"{ErrorText.Quote(c.name)} is not a column. {NearestName.Hint(c.name, known)}")),
            .. names.GroupBy(n => n, StringComparer.Ordinal)
                .Where(g => g.Count() > 1)
                .Select(g => new RuleError("header", $"{ErrorText.Quote(g.Key)} is there twice.")),
            .. names.Contains("id")
                ? Array.Empty<RuleError>()
                : [new RuleError("header", "There is no column \"id\". The first line names the columns: id,email,demographic.birthDate")],
        ];
        return faults is [] ? new CustomerCsv(cells.Select(c => (c.name, c.Cell!.Value))) : throw ApiProblem.Invalid(faults);
    }

    /// <summary>Writes a record as JSON.</summary>
    /// <returns>What is wrong with it; null when nothing is.</returns>
    public string? WriteJson(IReadOnlyList<string?> fields, Utf8JsonWriter writer)
    {
        if (fields.Count != columns.Length)
        {
            return string.Create(CultureInfo.InvariantCulture, $"It has {fields.Count} fields; the header has {columns.Length}.");
        }

        root.Write(writer, fields);
        return null;
    }

    /// <summary>The first line.</summary>
    public string Header() => Join(columns);

    /// <summary>A customer's line.</summary>
    public string Record(CustomerResource customer)
    {
        var json = JsonSerializer.SerializeToElement(customer, Json.Options);
        return Join(columns.Select(column => Text(Find(json, column))));
    }

    private static Cell? Find(string name, IReadOnlyDictionary<string, CustomerAttribute> attributes)
    {
        if (Array.Find(Fixed, f => f.Name == name) is { Name: not null } leaf)
        {
            return leaf.Cell;
        }

        // The validator says whether the purpose's name can be one.
        return name.Split('.') switch
        {
            ["attributes", var attribute] when attributes.TryGetValue(attribute, out var definition) => CellFor(definition),
            ["consents", { Length: > 0 }, "granted"] => Cell.Boolean,
            ["consents", { Length: > 0 }, "at"] => Cell.Text,
            _ => null,
        };
    }

    private static Cell CellFor(CustomerAttribute attribute) => attribute.Type switch
    {
        "integer" or "decimal" => Cell.Number,
        "boolean" => Cell.Boolean,
        "set" => Cell.Set,
        _ => Cell.Text,
    };

    private static IEnumerable<(string, Cell)> Leaves(Type type, string prefix, bool readOnly) =>
        Json.Options.GetTypeInfo(type).Properties.SelectMany(property =>
        {
            var (name, bare) = (prefix + property.Name, Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType);
            var ignored = readOnly || property.AttributeProvider!.IsDefined(typeof(ReadOnlyAttribute), false);
            return bare == typeof(string[]) ? [(name, Cell.Set)]
                : bare == typeof(int) || bare == typeof(decimal) || bare == typeof(double) ? [(name, ignored ? Cell.ReadOnly : Cell.Number)]
                : bare == typeof(string) || bare == typeof(DateOnly) || bare == typeof(DateTimeOffset)
                ? [(name, ignored ? Cell.ReadOnly : Cell.Text)]
                : Json.Options.GetTypeInfo(bare).Kind == JsonTypeInfoKind.Object ? Leaves(bare, name + ".", ignored)
                : Array.Empty<(string, Cell)>();
        });

    private static JsonElement? Find(JsonElement json, string column)
    {
        foreach (var name in column.Split('.'))
        {
            if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(name, out json))
            {
                return null;
            }
        }

        return json;
    }

    private static string Text(JsonElement? value) => value switch
    {
        null => "",
        { ValueKind: JsonValueKind.Array } list => CsvFormula.Lead(string.Join('|', list.EnumerateArray().Select(item =>
            item.GetString()!.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal)))),
        { ValueKind: JsonValueKind.String } text => CsvFormula.Lead(text.GetString()!),
        { } scalar => scalar.GetRawText(),
    };

    private static string Join(IEnumerable<string> fields) => string.Join(',', fields.Select(field =>
        field.AsSpan().ContainsAny(Quoted) ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field)) + "\r\n";

    // A set's items: "\|" and "\\" stand for the characters themselves.
    private static List<string> Items(string cell)
    {
        var items = new List<string>();
        var item = new StringBuilder();
        for (var i = 0; i < cell.Length; i++)
        {
            if (cell[i] == '|')
            {
                items.Add(item.ToString());
                item.Clear();
            }
            else
            {
                i += cell[i] == '\\' && i + 1 < cell.Length && cell[i + 1] is '|' or '\\' ? 1 : 0;
                item.Append(cell[i]);
            }
        }

        items.Add(item.ToString());
        return items;
    }

    // The columns by what they have in common: attributes.plan and attributes.score are two properties of one object.
    private sealed class Node(string name, int index, Cell cell)
    {
        private readonly List<Node> children = [];

        public void Add(ReadOnlySpan<string> path, int at, Cell kind)
        {
            var part = path[0];
            if (path.Length == 1)
            {
                children.Add(new Node(part, at, kind));
                return;
            }

            var child = children.Find(c => c.IsNamed(part));
            if (child is null)
            {
                children.Add(child = new Node(part, -1, Cell.Text));
            }

            child.Add(path[1..], at, kind);
        }

        public void Write(Utf8JsonWriter writer, IReadOnlyList<string?> fields)
        {
            writer.WriteStartObject();
            foreach (var child in children)
            {
                if (child.HasValue(fields))
                {
                    writer.WritePropertyName(child.encoded);
                    child.WriteValue(writer, fields);
                }
            }

            writer.WriteEndObject();
        }

        private readonly JsonEncodedText encoded = JsonEncodedText.Encode(name);

        private bool IsNamed(string other) => name == other;

        private bool HasValue(IReadOnlyList<string?> fields)
        {
            if (index >= 0)
            {
                return cell != Cell.ReadOnly && !string.IsNullOrWhiteSpace(fields[index]);
            }

            foreach (var child in children)
            {
                if (child.HasValue(fields))
                {
                    return true;
                }
            }

            return false;
        }

        // What does not read as the column's type goes as text: whoever reads the JSON says what is wrong.
        private void WriteValue(Utf8JsonWriter writer, IReadOnlyList<string?> fields)
        {
            if (index < 0)
            {
                Write(writer, fields);
                return;
            }

            var text = CsvFormula.TakeOff(fields[index]!);
            switch (cell)
            {
                case Cell.Number when RuleNumber.Parse(text) is { } number:
                    writer.WriteNumberValue(number);
                    break;
                case Cell.Number when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
                    && double.IsFinite(real):
                    // A coordinate may have more decimals than a number that is added up.
                    writer.WriteRawValue(real.ToString("R", CultureInfo.InvariantCulture));
                    break;
                case Cell.Boolean when bool.TryParse(text, out var flag):
                    writer.WriteBooleanValue(flag);
                    break;
                case Cell.Set:
                    writer.WriteStartArray();
                    foreach (var item in Items(text))
                    {
                        writer.WriteStringValue(item);
                    }

                    writer.WriteEndArray();
                    break;
                default:
                    writer.WriteStringValue(text.AsSpan().Trim());
                    break;
            }
        }
    }
}
