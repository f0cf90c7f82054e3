using Npgsql;

namespace Segmentation.Api.Tests.Start;

public sealed class ConnectionTextTests
{
    [Theory]
    [InlineData("postgres://db", "Host=db")]
    [InlineData("POSTGRESQL://db/", "Host=db")]
    [InlineData("postgresql://me@db:5433/data", "Host=db;Port=5433;Database=data;Username=me")]
    [InlineData("postgres://me:p%40%3A%2F%3F%23%25%20%C3%B6@db/a%20b", "Host=db;Database=a b;Username=me;Password=\"p@:/?#% ö\"")]
    [InlineData("postgres://me:p@ss:w=;'\"#ord@db/d", "Host=db;Database=d;Username=me;Password='p@ss:w=;''\"#ord'")]
    [InlineData("postgres://me:@db", "Host=db;Username=me")]
    [InlineData("postgres://[::1]/d", "Host=::1;Database=d")]
    [InlineData("postgres://me@[2001:db8::1]:5433/d", "Host=2001:db8::1;Port=5433;Database=d;Username=me")]
    [InlineData("postgres://a,b:5433,[::1]:5434/d", "Host=a,b:5433,[::1]:5434;Database=d")]
    [InlineData("postgres://%2Fvar%2Frun/d", "Host=/var/run;Database=d")]
    [InlineData("postgres:///d?host=/var/run&port=5433&user=me&password=p%26q",
        "Host=/var/run;Port=5433;Database=d;Username=me;Password=p&q")]
    [InlineData("postgres:///d", "Host=localhost;Database=d")]
    [InlineData("postgres://db?dbname=d&sslmode=require", "Host=db;Database=d;SSL Mode=Require")]
    [InlineData("postgres://db?sslmode=verify-full&sslrootcert=/ca.pem", "Host=db;SSL Mode=VerifyFull;Root Certificate=/ca.pem")]
    [InlineData("postgres://db?sslmode=verify-ca&sslrootcert=system", "Host=db;SSL Mode=VerifyCA")]
    [InlineData("postgres://db?sslrootcert=system&sslmode=verify-ca", "Host=db;SSL Mode=VerifyCA")]
    [InlineData("postgres://db?sslrootcert=system", "Host=db;SSL Mode=VerifyFull")]
    [InlineData("postgres://db?sslcert=/c&sslkey=/k&sslpassword=p", "Host=db;SSL Certificate=/c;SSL Key=/k;SSL Password=p")]
    [InlineData("postgres://db?ssl=true&sslnegotiation=direct", "Host=db;SSL Mode=Require;SSL Negotiation=Direct")]
    [InlineData("postgres://db?channel_binding=require&gssencmode=disable", "Host=db;Channel Binding=Require;GSS Encryption Mode=Disable")]
    [InlineData("postgres://db?require_auth=scram-sha-256,md5", "Host=db;Require Auth=\"ScramSHA256,MD5\"")]
    [InlineData("postgres://db?connect_timeout=5&application_name=me", "Host=db;Timeout=5;Application Name=me")]
    [InlineData("postgres://db?options=-c%20search_path%3Da", "Host=db;Options=\"-c search_path=a\"")]
    [InlineData("postgres://db?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3",
        "Host=db;TCP Keepalive=true;TCP Keepalive Time=30;TCP Keepalive Interval=10")]
    [InlineData("postgres://db?target_session_attrs=read-write", "Host=db")]
    [InlineData("postgres://a,b?target_session_attrs=read-write&load_balance_hosts=random",
        "Host=a,b;Target Session Attributes=read-write;Load Balance Hosts=true")]
    [InlineData("postgres://db?Maximum%20Pool%20Size=20", "Host=db;Maximum Pool Size=20")]
    [InlineData("Server=db;User Id=me;Password=\"a;b\"", "Host=db;Username=me;Password=\"a;b\"")]
    public void Read_UrlOrKeywords_AreTheSame(string given, string expected) =>
        Assert.True(new NpgsqlConnectionStringBuilder(expected).EquivalentTo(ConnectionText.Read(given)), $"{ConnectionText.Read(given)}");

    [Theory]
    [InlineData("Hots=db;Password=topsecret", "\"hots\" is not a keyword. Did you mean \"Host\"?")]
    [InlineData("Host=db;User Nmae=a", "\"user nmae\" is not a keyword. Did you mean \"User Name\"?")]
    [InlineData("Host=db;SearchPath2Long=a", "is not a keyword")]
    [InlineData("Host=db;Password=a;topsecret=b", "A password with ; in it goes in double quotes.")]
    [InlineData("Host=db;Password=a;topsecret", "is malformed.")]
    [InlineData("topsecret", "is malformed. It has the form")]
    [InlineData("mysql://a:topsecret@db/d", "is malformed. It has the form")]
    [InlineData("Host=db Username=a Password=topsecret", "has blanks where ; should be.")]
    [InlineData("Host=db;Port=topsecret", "Port takes an integer")]
    [InlineData("Host=db;SSL Mode=topsecret", "SSL Mode must be Disable or Allow or Prefer or Require")]
    [InlineData("Host=db;Pooling=topsecret", "Pooling must be true or false.")]
    [InlineData("Username=a;Password=topsecret", "names no host.")]
    [InlineData("Host=db;Minimum Pool Size=10;Maximum Pool Size=5;Password=topsecret", "'Max Pool Size' 5 under 'Min Pool Size' 10")]
    [InlineData("postgres://me:a/topsecret@db/d", "has a port that is no number from 1 to 65535.")]
    [InlineData("postgres://me:topsecret%@db", "has a % without two hexadecimal digits.")]
    [InlineData("postgres://me:topsecret%zz@db", "has a % without two hexadecimal digits.")]
    [InlineData("postgres://db:0/d", "has a port that is no number from 1 to 65535.")]
    [InlineData("postgres://db?sslmod=require", "\"sslmod\", which there is not. Did you mean \"sslmode\"?")]
    [InlineData("postgres://db?sslmode=full", "It takes disable, allow, prefer, require, verify-ca and verify-full.")]
    [InlineData("postgres://db?port=topsecret", "has a value of port that it does not take.")]
    [InlineData("postgres://db?topsecret", "has a parameter without a value.")]
    public void Read_Malformed_SaysWhatWithoutTheValue(string given, string why)
    {
        var refused = Assert.Throws<StartupException>(() => ConnectionText.Read(given)).Message;

        Assert.Contains(why, refused, StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings:Segmentation", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("topsecret", refused, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\n', refused);
    }
}
