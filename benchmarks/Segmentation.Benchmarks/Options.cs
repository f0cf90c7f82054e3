using System.Globalization;

namespace Segmentation.Benchmarks;

/// <summary>The command line.</summary>
internal sealed record Options
{
    public int Customers { get; init; } = 1_000_000;
    public long Events { get; init; } = 20_000_000;

    /// <summary>How often each thing is measured.</summary>
    public int Repeat { get; init; } = 9;

    /// <summary>How many segments are active where many are stored.</summary>
    public int Segments { get; init; } = 300;

    /// <summary>The sections to run; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>The frozen rules to measure, from 1; empty for all.</summary>
    public IReadOnlyList<int> Rules { get; init; } = [];

    /// <summary>Where the loaded database is kept between runs.</summary>
    public string Data { get; init; } = "";

    /// <summary>Where the report goes; null for nowhere.</summary>
    public string? Report { get; init; }

    /// <summary>The API's assembly.</summary>
    public string Api { get; init; } = "";

    /// <summary>Stop when the database is loaded.</summary>
    public bool LoadOnly { get; init; }

    /// <summary>Log each slow plan.</summary>
    public bool Explain { get; init; }

    /// <summary>PostgreSQL without huge pages, whether the machine has them or not.</summary>
    public bool SmallPages { get; init; }

    public static Options Read(string[] args)
    {
        var options = new Options();
        for (var i = 0; i < args.Length; i++)
        {
            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
            long Number() =>
                long.Parse(Value().Replace("_", "", StringComparison.Ordinal), NumberStyles.None, CultureInfo.InvariantCulture);
            options = args[i] switch
            {
                "--customers" => options with { Customers = (int)Number() },
                "--events" => options with { Events = Number() },
                "--repeat" => options with { Repeat = (int)Number() },
                "--segments" => options with { Segments = (int)Number() },
                "--only" => options with { Only = [.. options.Only, .. Value().Split(',')] },
                "--rules" => options with { Rules = [.. Value().Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture))] },
                "--data" => options with { Data = Value() },
                "--report" => options with { Report = Value() },
                "--api" => options with { Api = Value() },
                "--load-only" => options with { LoadOnly = true },
                "--small-pages" => options with { SmallPages = true },
                "--explain" => options with { Explain = true },
                _ => throw new ArgumentException($"{args[i]} is not an option: --customers N, --events N, --repeat N, --segments N, "
                    + "--only NAME, --rules 1,2, --data FOLDER, --report FILE, --load-only, --explain, --small-pages."),
            };
        }

        return options.Data.Length > 0 ? options : options with { Data = DefaultData(options) };
    }

    // PostgreSQL runs as another user for root, who can't enter root's home.
    private static string DefaultData(Options options) => Path.Combine(
        Environment.UserName == "root" && !OperatingSystem.IsWindows() ? "/var/lib"
            : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        string.Create(CultureInfo.InvariantCulture, $"segmentation-bench-{options.Customers}-{options.Events}"));
}
