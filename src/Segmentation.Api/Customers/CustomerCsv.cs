using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// Customers as CSV: a column is a property's dotted name, a set's values are joined by <c>|</c>. A record is turned into the JSON that it
/// stands for and back, so that CSV and JSON can't come to mean different things.
/// </summary>
internal sealed class CustomerCsv
{
    private static readonly SearchValues<char> Quoted = SearchValues.Create("\",\r\n");

    private readonly CsvColumn[] columns;
    private readonly Node root = new("", -1, CsvCell.Text, isNullable: false);

    // Fields in a record at least: what is after them has no name.
    private readonly int needed;

    public CustomerCsv(IEnumerable<CsvColumn> columns)
    {
        this.columns = [.. columns];
        needed = Array.FindLastIndex(this.columns, c => c.Cell != CsvCell.Nameless) + 1;
        foreach (var (i, column) in this.columns.Index().Where(c => c.Item.Cell is not (CsvCell.ReadOnly or CsvCell.Nameless)))
        {
            root.Add(column.Name.Split('.'), i, column.Cell);
        }
    }

    /// <summary>The ids alone.</summary>
    public static CustomerCsv Ids { get; } = new([new("id", CsvCell.Text)]);

    /// <summary>Columns that are not taken.</summary>
    public IEnumerable<string> Ignored => columns.Where(c => c.Cell == CsvCell.ReadOnly).Select(c => c.Name);

    /// <summary>What every line names, by <see cref="NamedProperties"/>.</summary>
    public ulong Named => columns.Aggregate(0UL, (named, column) => named | NamedProperties.Find(column.Name));

    /// <summary>Writes a record as JSON.</summary>
    /// <param name="withNulls">Whether an attribute or a consent whose cells are empty is null, to be removed; else it is left out.</param>
    /// <returns>What is wrong with it; null when nothing is.</returns>
    public string? WriteJson(List<string?> fields, Utf8JsonWriter writer, bool withNulls)
    {
        // Cells that have no column may be there, if they are empty: spreadsheets write such.
        if (fields.Count < needed || fields.FindLastIndex(field => field is not null) >= needed)
        {
            var expected = needed.ToString(CultureInfo.InvariantCulture);
            return string.Create(CultureInfo.InvariantCulture, $"It has {fields.Count} fields; the header has {expected} columns.");
        }

        root.Write(writer, fields, withNulls);
        return null;
    }

    /// <summary>Cells that do not read as their columns' types, each with what to send in its place.</summary>
    public IEnumerable<string> ListMisread(List<string?> fields) =>
        from column in columns.Index().Take(fields.Count)
        let text = fields[column.Index]
        where !string.IsNullOrWhiteSpace(text)
        let remedy = CsvRemedy.Find(column.Item.Cell, CsvFormula.TakeOff(text))
        where remedy is not null
        select string.Create(CultureInfo.InvariantCulture, $"{column.Item.Name} (column {column.Index + 1}) {remedy}");

    /// <summary>Whose record it is, as far as can be told.</summary>
    public string? FindId(List<string?> fields) =>
        Array.FindIndex(columns, c => c.Name == "id") is var at && at < fields.Count && fields[at] is { } id
            ? CsvFormula.TakeOff(id).Trim()
            : null;

    /// <summary>The first line.</summary>
    public string Header() => Join(columns.Select(c => c.Name));

    /// <summary>A customer's line.</summary>
    /// <param name="rawFormulas">Whether cells that a spreadsheet takes for formulas stay as they are.</param>
    public string Record(CustomerResource customer, bool rawFormulas = false)
    {
        var json = JsonSerializer.SerializeToElement(customer, CustomerJson.Options);
        return Join(columns.Select(column => Text(Find(json, column.Name), rawFormulas)));
    }

    /// <summary>A line of these fields.</summary>
    public static string Join(IEnumerable<string> fields) => string.Join(',', fields.Select(field =>
        field.AsSpan().ContainsAny(Quoted) ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field)) + "\r\n";

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

    private static string Text(JsonElement? value, bool rawFormulas) => value switch
    {
        null => "",
        { ValueKind: JsonValueKind.Array } list => CsvFormula.Lead(string.Join('|', list.EnumerateArray().Select(item =>
            item.GetString()!.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal))), rawFormulas),
        { ValueKind: JsonValueKind.String } text => CsvFormula.Lead(text.GetString()!, rawFormulas),
        { } scalar => scalar.GetRawText(),
    };

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

    // A coordinate may have more decimals than a number that is added up; whoever reads the JSON rounds it, or says that it is too large.
    private static void WriteNumber(Utf8JsonWriter writer, string text, NumberKind kind, decimal number)
    {
        if (kind != NumberKind.Exact && IsJson(text))
        {
            writer.WriteRawValue(text, skipInputValidation: true);
        }
        else if (kind == NumberKind.TooLarge)
        {
            writer.WriteRawValue(RuleNumber.ReadDigits(text)!);
        }
        else
        {
            writer.WriteNumberValue(number);
        }
    }

    // JSON's numbers have no plus sign, no zeros before others, and digits on both sides of a point.
    private static bool IsJson(string number)
    {
        var digits = number.AsSpan().TrimStart('-');
        var point = digits.IndexOf('.');
        return char.IsAsciiDigit(digits[0]) && !(digits[0] == '0' && digits.Length > 1 && char.IsAsciiDigit(digits[1]))
            && (point < 0 || (point + 1 < digits.Length && char.IsAsciiDigit(digits[point + 1])));
    }

    // The columns by what they have in common: attributes.plan and attributes.score are two properties of one object. A nullable one, an
    // attribute or a consent, is in a document of which a merge has to know what is named.
    private sealed class Node(string name, int index, CsvCell cell, bool isNullable)
    {
        private readonly List<Node> children = [];
        private readonly Dictionary<string, Node> byName = new(StringComparer.Ordinal);
        private readonly JsonEncodedText encoded = JsonEncodedText.Encode(name);

        public void Add(ReadOnlySpan<string> path, int at, CsvCell kind)
        {
            var part = path[0];
            if (path.Length == 1)
            {
                AddChild(new Node(part, at, kind, IsDocument));
                return;
            }

            if (!byName.TryGetValue(part, out var child))
            {
                child = AddChild(new Node(part, -1, CsvCell.Text, IsDocument));
            }

            child.Add(path[1..], at, kind);
        }

        public void Write(Utf8JsonWriter writer, List<string?> fields, bool withNulls)
        {
            writer.WriteStartObject();
            foreach (var child in children)
            {
                if (child.HasValue(fields) || (withNulls && child.IsDocument))
                {
                    writer.WritePropertyName(child.encoded);
                    child.WriteValue(writer, fields, withNulls);
                }
                else if (withNulls && child.isNull)
                {
                    writer.WriteNull(child.encoded);
                }
            }

            writer.WriteEndObject();
        }

        private readonly bool isNull = isNullable;

        private string Name => name;

        private bool IsDocument { get; } = name is "attributes" or "consents" && index < 0;

        private Node AddChild(Node child)
        {
            children.Add(child);
            byName.TryAdd(child.Name, child);
            return child;
        }

        private bool HasValue(List<string?> fields)
        {
            if (index >= 0)
            {
                return !string.IsNullOrWhiteSpace(fields[index]);
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
        private void WriteValue(Utf8JsonWriter writer, List<string?> fields, bool withNulls)
        {
            if (index < 0)
            {
                Write(writer, fields, withNulls);
                return;
            }

            var text = CsvFormula.TakeOff(fields[index]!);
            switch (cell)
            {
                case CsvCell.Number when RuleNumber.Read(text, out var number) is var kind and not NumberKind.None:
                    WriteNumber(writer, text.Trim(), kind, number);
                    break;
                case CsvCell.Boolean when bool.TryParse(text, out var flag):
                    writer.WriteBooleanValue(flag);
                    break;
                case CsvCell.Set:
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
