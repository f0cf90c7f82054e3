using System.Globalization;

namespace StarvationTests;

/// <summary>The command line.</summary>
internal sealed record StarvationOptions
{
    /// <summary>How much of the full size: 100 is 200 imports, 200 exports, 200 previews, 1,000 streams, 500 bodies.</summary>
    public int Percent { get; init; } = 100;

    /// <summary>How long each load is measured.</summary>
    public int Seconds { get; init; } = 15;

    /// <summary>The loads to measure, by their names; all when empty.</summary>
    public string[] Only { get; init; } = [];

    /// <summary>Minutes of mixed load in place of the loads that starve; 0 for none.</summary>
    public int Minutes { get; init; }

    /// <summary>The API's assembly.</summary>
    public string Api { get; init; } = "";

    public static StarvationOptions Read(string[] args)
    {
        var options = new StarvationOptions();
        for (var i = 0; i < args.Length; i++)
        {
            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
            int Number() => int.Parse(Value(), NumberStyles.None, CultureInfo.InvariantCulture);
            options = args[i] switch
            {
                "--percent" => options with { Percent = Number() },
                "--seconds" => options with { Seconds = Number() },
                "--only" => options with { Only = Value().Split(',') },
                "--minutes" => options with { Minutes = Number() },
                "--api" => options with { Api = Value() },
                _ => throw new ArgumentException($"{args[i]} is none of --percent N, --seconds N, --only NAMES, --minutes N, --api PATH."),
            };
        }

        return options;
    }
}
