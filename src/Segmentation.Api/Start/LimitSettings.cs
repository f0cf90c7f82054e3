using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using Segmentation.Api.Data;

namespace Segmentation.Api;

/// <summary>The limits as settings and as the README's tables: made from <see cref="Limits"/>.</summary>
internal static class LimitSettings
{
    private static readonly Limits Defaults = new();

    /// <summary>A setting for each property, that of a class for all of them.</summary>
    public static IReadOnlyList<Setting> Table { get; } =
    [
        .. Numbers(typeof(ClassLimits)).Select(p => Create(p, $"{Limits.Section}:CLASS:{p.Name}", "see [Limits](#limits)") with
        {
            Each = ("CLASS", Enum.GetNames<WorkClass>()),
        }),
        .. Numbers(typeof(Rate)).Select(p => Create(p, $"{Limits.Section}:Rates:RATE:{p.Name}", "see [Limits](#limits)") with
        {
            Each = ("RATE", Enum.GetNames<RateName>()),
        }),
        .. Numbers(typeof(Limits)).Select(p => Create(p, $"{Limits.Section}:{p.Name}", Text(p.GetValue(Defaults)))),
    ];

    /// <summary>What holds for each class without settings, as Markdown.</summary>
    public static string ClassTable()
    {
        var numbers = Numbers(typeof(ClassLimits));
        var table = new StringBuilder("| class |").AppendJoin("", numbers.Select(n => $" `{n.Name}` |")).Append("\n| --- |")
            .AppendJoin("", numbers.Select(_ => " --- |")).Append('\n');
        foreach (var work in Enum.GetValues<WorkClass>())
        {
            table.Append($"| `{work}` |").AppendJoin("", numbers.Select(n => $" {Show(work, n)} |")).Append('\n');
        }

        return table.ToString();
    }

    /// <summary>The rates that hold without settings, as Markdown.</summary>
    public static string RateTable()
    {
        var table = new StringBuilder("| rate | `PerSecond` | `Burst` | of |\n| --- | --- | --- | --- |\n");
        foreach (var name in Enum.GetValues<RateName>())
        {
            var rate = Defaults.Rates[name];
            var about = typeof(RateName).GetField(name.ToString())!.GetCustomAttribute<DescriptionAttribute>()!.Description;
            table.Append(CultureInfo.InvariantCulture, $"| `{name}` | {rate.PerSecond:0.###} | {rate.Burst} | {about} |\n");
        }

        return table.ToString();
    }

    // The numbers that follow the machine's are the same in every README.
    private static string Show(WorkClass work, PropertyInfo number) => (work, number.Name) switch
    {
        (WorkClass.Heavy, nameof(ClassLimits.AtOnce) or nameof(ClassLimits.Pool)) => "2 × cores, ≤ 16",
        (WorkClass.Heavy, nameof(ClassLimits.PerKey)) => "half of them",
        _ => Text(number.GetValue(Defaults[work])),
    };

    private static Setting Create(PropertyInfo number, string name, string byDefault)
    {
        var (range, about) = (number.GetCustomAttribute<RangeAttribute>()!, number.GetCustomAttribute<DescriptionAttribute>()!);
        var check = number.PropertyType == typeof(int)
            ? SettingChecks.Integer((int)range.Minimum, (int)range.Maximum)
            : SettingChecks.Number(Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture),
                Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture));
        return new Setting(name, byDefault, about.Description, check);
    }

    private static List<PropertyInfo> Numbers(Type type) =>
        [.. type.GetProperties().Where(p => p.GetCustomAttribute<RangeAttribute>() is not null)];

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
