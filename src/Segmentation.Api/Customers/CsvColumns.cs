using System.ComponentModel;
using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Customers;

/// <summary>What a column of a CSV holds.</summary>
internal enum CsvCell
{
    Text,
    Date,
    Instant,
    Number,
    Boolean,
    Set,

    /// <summary>What is shown, and never taken.</summary>
    ReadOnly,

    /// <summary>Nothing: what a comma at the end of the header makes.</summary>
    Nameless,
}

/// <summary>A column of a CSV of customers.</summary>
/// <param name="Name">The property's dotted name.</param>
internal readonly record struct CsvColumn(string Name, CsvCell Cell);

/// <summary>The columns that there are: the properties of <see cref="CustomerResource"/>, attributes, and consents by purpose.</summary>
internal static class CsvColumns
{
    /// <summary>Columns in one file: more are refused before a line is read.</summary>
    public const int Max = 2000;

    /// <summary>A column that begins so is a note beside a line, as those of the rejected lines are, and no property.</summary>
    public const char Note = '#';

    private const int MaxFaults = 20;

    private static readonly CsvColumn[] own = [.. Leaves(typeof(CustomerResource), "", false)];
    private static readonly Dictionary<string, CsvCell> cells = own.ToDictionary(c => c.Name, c => c.Cell, StringComparer.Ordinal);

    /// <summary>All columns of an export.</summary>
    public static IEnumerable<CsvColumn> List(IEnumerable<CustomerAttribute> attributes, IEnumerable<string> purposes) =>
    [
        .. own,
        .. attributes.OrderBy(a => a.Name, StringComparer.Ordinal).Select(a => new CsvColumn($"attributes.{a.Name}", CellFor(a))),
        .. purposes.Order(StringComparer.Ordinal).SelectMany(p => new CsvColumn[]
        {
            new($"consents.{p}.granted", CsvCell.Boolean), new($"consents.{p}.at", CsvCell.Instant),
        }),
    ];

    /// <summary>The columns that a file's header names, by the names of properties or those that rules use.</summary>
    /// <param name="separator">What was found to separate them.</param>
    /// <exception cref="ApiProblem">There are too many; one is unknown or there twice; or there is no <c>id</c>.</exception>
    public static CsvColumn[] Read(
        IReadOnlyList<string?> header, byte separator, IReadOnlyDictionary<string, CustomerAttribute> attributes)
    {
        if (header.Count > Max)
        {
            throw ApiProblem.Invalid("header", $"The header has {Number(header.Count)} columns; {Number(Max)} at most in one file.");
        }

        var names = header.Select(name => name?.Trim() ?? "").ToArray();
        var last = Array.FindLastIndex(names, name => name.Length > 0);
        var found = names.Select((name, i) => name.Length == 0 && i > last ? new CsvColumn("", CsvCell.Nameless)
            : name.StartsWith(Note) ? new CsvColumn(name, CsvCell.ReadOnly)
            : Find(name, attributes)).ToArray();
        var faults = Faults(names, found, separator, attributes).Take(MaxFaults + 1).Select(f => new RuleError("header", f)).ToList();
        if (faults.Count > MaxFaults)
        {
            faults[MaxFaults] = new RuleError("header", "There are more faults like these.");
        }

        return faults is [] ? [.. found.Select(c => c!.Value)] : throw ApiProblem.Invalid(faults);
    }

    private static IEnumerable<string> Faults(
        string[] names, CsvColumn?[] found, byte separator, IReadOnlyDictionary<string, CustomerAttribute> attributes)
    {
        string[] known = [.. own.Select(c => c.Name), .. attributes.Keys.Select(a => $"attributes.{a}")];
        var firsts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < names.Length; i++)
        {
            if (found[i] is not { } column)
            {
                yield return names[i].Length == 0
                    ? $"Column {Number(i + 1)} has no name."
                    : $"Column {Number(i + 1)}, {ErrorText.Quote(names[i])}, is not a column. {NearestName.Hint(names[i], known)}";
            }
            else if (column.Cell != CsvCell.Nameless && !firsts.TryAdd(column.Name, i))
            {
                yield return $"Column {Number(i + 1)}, {ErrorText.Quote(names[i])}, is there twice: column "
                    + $"{Number(firsts[column.Name] + 1)} is the same.";
            }
        }

        if (!firsts.ContainsKey("id"))
        {
            yield return $"There is no column \"id\". The first line must name the columns, separated by {Describe(separator)} as it "
                + "was read: id,email,demographic.birthDate";
        }
    }

    private static CsvColumn? Find(string name, IReadOnlyDictionary<string, CustomerAttribute> attributes)
    {
        if (cells.TryGetValue(name, out var cell))
        {
            return new CsvColumn(name, cell);
        }

        // The names that rules have for what lies elsewhere in a customer. The validator says whether a purpose's name can be one.
        return name.Split('.') switch
        {
            ["customer" or "temporal", var property] when cells.TryGetValue(property, out var named) => new CsvColumn(property, named),
            ["consent", { Length: > 0 } purpose] => new CsvColumn($"consents.{purpose}.granted", CsvCell.Boolean),
            ["consents", { Length: > 0 }, "granted"] => new CsvColumn(name, CsvCell.Boolean),
            ["consents", { Length: > 0 }, "at"] => new CsvColumn(name, CsvCell.Instant),
            ["attributes", var attribute] when attributes.TryGetValue(attribute, out var definition) =>
                new CsvColumn(name, CellFor(definition)),
            _ => null,
        };
    }

    private static CsvCell CellFor(CustomerAttribute attribute) => attribute.Type switch
    {
        "integer" or "decimal" => CsvCell.Number,
        "boolean" => CsvCell.Boolean,
        "set" => CsvCell.Set,
        "date" => CsvCell.Date,
        "instant" => CsvCell.Instant,
        _ => CsvCell.Text,
    };

    private static IEnumerable<CsvColumn> Leaves(Type type, string prefix, bool readOnly) =>
        Json.Options.GetTypeInfo(type).Properties.SelectMany(property =>
        {
            var (name, bare) = (prefix + property.Name, Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType);
            var ignored = readOnly || property.AttributeProvider!.IsDefined(typeof(ReadOnlyAttribute), false);
            CsvCell? cell = bare == typeof(string[]) ? CsvCell.Set
                : bare == typeof(int) || bare == typeof(decimal) || bare == typeof(double) ? CsvCell.Number
                : bare == typeof(string) ? CsvCell.Text
                : bare == typeof(bool) ? CsvCell.Boolean
                : bare == typeof(DateOnly) ? CsvCell.Date
                : bare == typeof(DateTimeOffset) ? CsvCell.Instant
                : null;
            return cell is { } kind ? [new CsvColumn(name, ignored ? CsvCell.ReadOnly : kind)]
                : Json.Options.GetTypeInfo(bare).Kind == JsonTypeInfoKind.Object ? Leaves(bare, name + ".", ignored)
                : Array.Empty<CsvColumn>();
        });

    private static string Describe(byte separator) => (char)separator switch
    {
        ',' => "a comma",
        ';' => "a semicolon",
        '\t' => "a tab",
        _ => "|",
    };

    private static string Number(int number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
