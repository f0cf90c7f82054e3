using System.Globalization;

namespace KillTests;

/// <summary>The command line.</summary>
internal sealed record KillOptions
{
    /// <summary>How many kills.</summary>
    public int Kills { get; init; } = 50;

    /// <summary>The seed of what is killed and when.</summary>
    public int Seed { get; init; } = Random.Shared.Next();

    /// <summary>The API's assembly.</summary>
    public string Api { get; init; } = "";

    /// <summary>Kill one of two APIs under requests with idempotency keys, in place of all the rest.</summary>
    public bool Retries { get; init; }

    public static KillOptions Read(string[] args)
    {
        var options = new KillOptions();
        for (var i = 0; i < args.Length; i++)
        {
            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
            int Number() => int.Parse(Value(), NumberStyles.None, CultureInfo.InvariantCulture);
            options = args[i] switch
            {
                "--kills" => options with { Kills = Number() },
                "--seed" => options with { Seed = Number() },
                "--api" => options with { Api = Value() },
                "--retries" => options with { Retries = true },
                _ => throw new ArgumentException($"{args[i]} is not an option: --kills N, --seed N, --api PATH, --retries."),
            };
        }

        return options;
    }
}
