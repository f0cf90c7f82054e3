using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Json;
using Segmentation.Rules.Checking;

namespace Segmentation.Api;

/// <summary>Looks through the whole configuration before anything is started with it.</summary>
/// <param name="configuration">All of it: files, environment, command line.</param>
/// <param name="settings">The settings there are.</param>
internal sealed class SettingsCheck(IConfigurationRoot configuration, IReadOnlyList<Setting> settings)
{
    /// <summary>A line for each setting that can't be what was meant: a known section has none of that name.</summary>
    public IEnumerable<string> FindUnknown()
    {
        var sections = settings.Select(s => s.Name.Split(':')).Where(n => n.Length > 1).Select(n => n[0]).Distinct().ToList();
        foreach (var (key, value) in configuration.AsEnumerable().OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            // A section's own entry, or an empty list, has nothing that could be lost.
            if (string.IsNullOrEmpty(value) || key.Split(':', 2) is not [var section, var rest] || settings.Any(s => s.Includes(key)))
            {
                continue;
            }

            if (sections.Contains(section, StringComparer.OrdinalIgnoreCase))
            {
                var names = settings.Select(s => s.Title).Where(n => n.StartsWith(section + ":", StringComparison.OrdinalIgnoreCase));
                yield return $"{key} is not a setting, and has no effect ({Source(key)}). {NearestName.Hint(key, [.. names])}";
            }
            else if (NearestName.Find(section, sections) is { } near && settings.Any(s => s.Includes($"{near}:{rest}")))
            {
                yield return $"{key} is not a setting, and has no effect ({Source(key)}). Did you mean \"{near}:{rest}\"?";
            }
        }
    }

    /// <summary>Refuses values that a setting does not take, all of them at once.</summary>
    /// <exception cref="StartupException">There are some: a line each.</exception>
    public void RefuseValues()
    {
        var faults = configuration.AsEnumerable()
            .Where(entry => entry.Value is not null)
            .SelectMany(entry => settings.Where(s => s.Includes(entry.Key)).SelectMany(s => Faults(s, entry.Key, entry.Value!)))
            .Order(StringComparer.Ordinal).ToList();
        if (faults.Count > 0)
        {
            throw new StartupException(string.Join('\n', faults));
        }
    }

    private IEnumerable<string> Faults(Setting setting, string key, string value)
    {
        string[] values = setting.IsList && key.Length == setting.Name.Length
            ? value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            : [value];
        return from one in values
               let needed = setting.Check(one)
               where needed is not null
               select $"{(setting.Each is not null ? key : setting.Name)} must be {needed}; it is {ErrorText.Quote(one)} ({Source(key)}).";
    }

    // Where the value that holds comes from: the last provider that has it.
    private string Source(string key)
    {
        foreach (var provider in configuration.Providers.Reverse())
        {
            if (provider.TryGet(key, out _))
            {
                return provider switch
                {
                    CommandLineConfigurationProvider => $"--{key}",
                    EnvironmentVariablesConfigurationProvider =>
                        $"environment variable {key.Replace(":", "__", StringComparison.Ordinal)}",
                    JsonConfigurationProvider { Source.Path: { } path } => path,
                    _ => "configuration",
                };
            }
        }

        return "configuration";
    }
}
