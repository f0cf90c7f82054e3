using System.Globalization;
using Npgsql;
using Segmentation.Rules.Checking;

namespace Segmentation.Api;

/// <summary>A database's URL, <c>postgres://user:password@host:port/database?sslmode=require</c>, as libpq takes it.</summary>
internal static class ConnectionUrl
{
    private const string Percent = "A character such as @ : / ? # % in a user's name or a password is sent percent-encoded: %40 for @.";

    // Npgsql asks the system's authorities where no others are named.
    private static readonly (string Name, string Value) SystemRoots = ("sslrootcert", "system");

    private static readonly string[] Schemes = ["postgres://", "postgresql://"];

    // libpq's names, with Npgsql's; null for what has no counterpart, and makes no difference to what is read and written.
    private static readonly Dictionary<string, string?> Parameters = new(StringComparer.Ordinal)
    {
        ["host"] = "Host",
        ["hostaddr"] = "Host",
        ["port"] = "Port",
        ["dbname"] = "Database",
        ["user"] = "Username",
        ["password"] = "Password",
        ["passfile"] = "Passfile",
        ["application_name"] = "Application Name",
        ["fallback_application_name"] = null,
        ["connect_timeout"] = "Timeout",
        ["client_encoding"] = "Client Encoding",
        ["options"] = "Options",
        ["sslmode"] = "SSL Mode",
        ["ssl"] = "SSL Mode",
        ["sslrootcert"] = "Root Certificate",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["sslpassword"] = "SSL Password",
        ["sslnegotiation"] = "SSL Negotiation",
        ["sslcompression"] = null,
        ["sslsni"] = null,
        ["gssencmode"] = "GSS Encryption Mode",
        ["krbsrvname"] = "Kerberos Service Name",
        ["channel_binding"] = "Channel Binding",
        ["require_auth"] = "Require Auth",
        ["target_session_attrs"] = "Target Session Attributes",
        ["load_balance_hosts"] = "Load Balance Hosts",
        ["keepalives"] = "TCP Keepalive",
        ["keepalives_idle"] = "TCP Keepalive Time",
        ["keepalives_interval"] = "TCP Keepalive Interval",
        ["keepalives_count"] = null,
        ["tcp_user_timeout"] = null,
    };

    /// <summary>Whether a connection string is a URL.</summary>
    public static bool IsUrl(string text) =>
        Schemes.Any(s => text.TrimStart().StartsWith(s, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads the URL.</summary>
    /// <exception cref="StartupException">It is malformed, or has a parameter that there is not.</exception>
    public static NpgsqlConnectionStringBuilder Read(string url)
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = "localhost" };
        var rest = url[(url.IndexOf("://", StringComparison.Ordinal) + 3)..];
        var query = rest.IndexOf('?', StringComparison.Ordinal);
        var (path, parameters) = query < 0 ? (rest, "") : (rest[..query], rest[(query + 1)..]);

        // A # in a password would end the URL in any other reader; here it ends nothing, and is no part of a host either.
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var (authority, database) = slash < 0 ? (path, "") : (path[..slash], path[(slash + 1)..]);
        var at = authority.LastIndexOf('@');
        if (at >= 0)
        {
            ReadUser(authority[..at], settings);
        }

        ReadHosts(authority[(at + 1)..], settings);
        if (database.Length > 0)
        {
            settings.Database = Decode(database);
        }

        var pairs = parameters.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=', 2) is [var name, var value]
            ? (Decode(name), Decode(value))
            : throw Malformed("has a parameter without a value.")).ToList();
        if (pairs.Contains(SystemRoots))
        {
            // As libpq: who names the system's authorities wants them asked. An sslmode that is given still holds.
            settings.SslMode = SslMode.VerifyFull;
        }

        foreach (var (name, value) in pairs)
        {
            Set(name, value, settings);
        }

        if (settings.Host?.Contains(',', StringComparison.Ordinal) != true)
        {
            // Which of several servers to take: of one, the start sees by itself whether it can be written to.
            settings.Remove("Target Session Attributes");
        }

        return settings;
    }

    private static void ReadUser(string user, NpgsqlConnectionStringBuilder settings)
    {
        var colon = user.IndexOf(':', StringComparison.Ordinal);
        settings.Username = Decode(colon < 0 ? user : user[..colon]);
        if (colon >= 0 && colon < user.Length - 1)
        {
            settings.Password = Decode(user[(colon + 1)..]);
        }
    }

    private static void ReadHosts(string hosts, NpgsqlConnectionStringBuilder settings)
    {
        if (hosts.Length == 0)
        {
            return;
        }

        List<string> read = [];
        foreach (var one in hosts.Split(','))
        {
            // [::1]:5432, db:5432, or db.
            var end = one.StartsWith('[') ? one.IndexOf(']', StringComparison.Ordinal) + 1 : one.IndexOf(':', StringComparison.Ordinal);
            var (host, port) = end <= 0 || end == one.Length ? (one, "") : (one[..end], one[end..]);
            if (port.Length > 0 && !(port[0] == ':' && IsPort(port[1..])))
            {
                throw Malformed($"has a port that is no number from 1 to 65535. {Percent}");
            }

            read.Add(Decode(host) + port);
        }

        if (read is [var only] && only.LastIndexOf(':') is > 0 and var split && IsPort(only[(split + 1)..]) && !only.EndsWith(']')
            && (only.StartsWith('[') || only.IndexOf(':', StringComparison.Ordinal) == split))
        {
            (settings.Host, settings.Port) = (Bare(only[..split]), int.Parse(only[(split + 1)..], CultureInfo.InvariantCulture));
        }
        else
        {
            settings.Host = read is [var single] ? Bare(single) : string.Join(',', read);
        }
    }

    private static string Bare(string host) => host.TrimStart('[').TrimEnd(']');

    private static bool IsPort(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65_535;

    private static void Set(string name, string value, NpgsqlConnectionStringBuilder settings)
    {
        if (!Parameters.TryGetValue(name, out var keyword))
        {
            // What only Npgsql has is taken by Npgsql's name: Maximum Pool Size.
            keyword = name;
        }

        if (keyword is null || (name, value) == SystemRoots)
        {
            return;
        }

        try
        {
            settings[keyword] = Translate(name, value);
        }
        catch (ArgumentException refused)
        {
            throw refused.InnerException is KeyNotFoundException
                ? Malformed($"has the parameter {ErrorText.Quote(name)}, which there is not."
                    + (NearestName.Find(name, Parameters.Keys) is { } nearest ? $" Did you mean \"{nearest}\"?" : ""))
                : Malformed($"has a value of {name} that it does not take."
                    + (name == "sslmode" ? " It takes disable, allow, prefer, require, verify-ca and verify-full." : ""));
        }
    }

    private static string Translate(string name, string value) => (name, value) switch
    {
        ("sslmode", "verify-ca") => "VerifyCA",
        ("sslmode", "verify-full") => "VerifyFull",
        ("ssl", "true") => "Require",
        ("ssl", "false") => "Disable",
        ("load_balance_hosts", "random") or ("keepalives", "1") => "true",
        ("load_balance_hosts", "disable") or ("keepalives", "0") => "false",
        ("require_auth", _) => value.Replace("scram-sha-256", "ScramSHA256", StringComparison.Ordinal)
            .Replace("md5", "MD5", StringComparison.Ordinal).Replace("gss", "GSS", StringComparison.Ordinal)
            .Replace("sspi", "SSPI", StringComparison.Ordinal).Replace("password", "Password", StringComparison.Ordinal)
            .Replace("none", "None", StringComparison.Ordinal),
        _ => value,
    };

    private static string Decode(string text)
    {
        for (var i = text.IndexOf('%', StringComparison.Ordinal); i >= 0; i = text.IndexOf('%', i + 1))
        {
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
            {
                throw Malformed($"has a % without two hexadecimal digits. {Percent}");
            }
        }

        return Uri.UnescapeDataString(text);
    }

    private static StartupException Malformed(string fault) => new($"The URL in {ApiSettings.Connection} {fault}");
}
