using System.ComponentModel;
using System.Data.Common;
using System.Reflection;
using Npgsql;
using Segmentation.Rules.Checking;

namespace Segmentation.Api;

/// <summary>Reads the connection string that was given. Complaints never have a value in them: that could be the password.</summary>
internal static class ConnectionText
{
    private const string Shape = "It has the form Host=db;Database=segmentation;Username=me;Password=secret, or "
        + "postgres://me:secret@db/segmentation.";

    private static readonly string[] Passwords = ["Password", "PSW", "PWD"];

    private static readonly (string Keyword, Type Type)[] Properties =
    [
        .. from property in typeof(NpgsqlConnectionStringBuilder).GetProperties()
           let name = property.GetCustomAttribute<DisplayNameAttribute>()?.DisplayName
           where name is not null
           select (name, property.PropertyType),
    ];

    private static readonly string[] Keywords = [.. Properties.Select(p => p.Keyword), "Server", "User Id", "User Name"];

    /// <summary>Reads keywords with values, or a URL as PostgreSQL's own programs take it.</summary>
    /// <exception cref="StartupException">It is malformed, or names something that there is not.</exception>
    public static NpgsqlConnectionStringBuilder Read(string text)
    {
        var settings = ConnectionUrl.IsUrl(text) ? ConnectionUrl.Read(text.Trim()) : ReadKeywords(text);
        if (string.IsNullOrWhiteSpace(settings.Host))
        {
            throw new StartupException($"{ApiSettings.Connection} names no host. {Shape}");
        }

        try
        {
            // What single values do not show: a smallest pool above the largest.
            using var whole = new NpgsqlConnection(settings.ConnectionString);
            return settings;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new StartupException($"{ApiSettings.Connection}: {e.Message}", e);
        }
    }

    private static NpgsqlConnectionStringBuilder ReadKeywords(string text)
    {
        var pairs = new DbConnectionStringBuilder();
        try
        {
            pairs.ConnectionString = text;
        }
        catch (ArgumentException malformed)
        {
            throw new StartupException(
                $"{ApiSettings.Connection} is malformed. {Shape} A value with ; in it goes in double quotes.", malformed);
        }

        var settings = new NpgsqlConnectionStringBuilder();
        foreach (string keyword in pairs.Keys)
        {
            try
            {
                settings[keyword] = pairs[keyword];
            }
            catch (ArgumentException refused)
            {
                throw new StartupException(refused.InnerException is KeyNotFoundException
                    ? Unknown(keyword, pairs)
                    : $"{ApiSettings.Connection}: {DescribeValue(keyword)}", refused);
            }
        }

        return settings.Host is { } host && host.Contains('=', StringComparison.Ordinal)
            ? throw new StartupException($"{ApiSettings.Connection} has blanks where ; should be. {Shape}")
            : settings;
    }

    private static string DescribeValue(string keyword)
    {
        var property = Properties.FirstOrDefault(p => p.Keyword.Equals(keyword, StringComparison.OrdinalIgnoreCase));
        return property.Type is { IsEnum: true } choices ? $"{property.Keyword} must be {string.Join(" or ", Enum.GetNames(choices))}."
            : property.Type == typeof(bool) ? $"{property.Keyword} must be true or false."
            : property.Type == typeof(int) ? $"{property.Keyword} takes an integer that is not out of its range."
            : $"{keyword} has a value that it does not take.";
    }

    // A password with a ; in it looks like a keyword.
    private static string Unknown(string keyword, DbConnectionStringBuilder pairs) =>
        NearestName.Find(keyword, Keywords) is { } nearest
            ? $"{ApiSettings.Connection}: {ErrorText.Quote(keyword)} is not a keyword. Did you mean \"{nearest}\"?"
            : Passwords.Any(pairs.ContainsKey)
                ? $"{ApiSettings.Connection} has a keyword that there is not. A password with ; in it goes in double quotes."
                : $"{ApiSettings.Connection}: {ErrorText.Quote(keyword)} is not a keyword. {Shape}";
}
