using System.Data.Common;
using System.Net.Sockets;
using System.Text;
using Npgsql;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace Segmentation.Api.Http;

/// <summary>
/// Keeps data out of the log before it reaches any sink: paths, which carry ids, and the messages of exceptions that are not ours, which
/// quote what was sent.
/// </summary>
internal sealed class PrivateLog(Serilog.ILogger log) : ILogEventSink
{
    // It logs exceptions in its messages, before they come to where they are handled, and logged.
    private const string EntityFramework = "\"Microsoft.EntityFrameworkCore";

    // Below a warning it tells of each request with its path and query. RequestLogging does without.
    private const string AspNetCore = "\"Microsoft.AspNetCore";

    /// <summary>The log that the configuration describes, behind this.</summary>
    /// <exception cref="InvalidOperationException">The configuration names a level or a sink that there is not.</exception>
    public static Serilog.ILogger Create(IConfiguration configuration)
    {
        // What is below its level is not made; the sinks behind take all that comes.
        var levels = new ConfigurationBuilder().AddInMemoryCollection(configuration.AsEnumerable()
            .Where(s => s.Key.StartsWith("Serilog:MinimumLevel", StringComparison.OrdinalIgnoreCase))).Build();
        var sinks = new LoggerConfiguration().ReadFrom.Configuration(configuration).MinimumLevel.Verbose().CreateLogger();
        return new LoggerConfiguration().ReadFrom.Configuration(levels).WriteTo.Sink(new PrivateLog(sinks)).CreateLogger();
    }

    public void Emit(LogEvent logEvent)
    {
        var source = logEvent.Properties.GetValueOrDefault("SourceContext")?.ToString() ?? "";
        if ((logEvent.Exception is not null && source.StartsWith(EntityFramework, StringComparison.Ordinal))
            || (logEvent.Level < LogEventLevel.Warning && source.StartsWith(AspNetCore, StringComparison.Ordinal)))
        {
            return;
        }

        log.Write(new LogEvent(
            logEvent.Timestamp, logEvent.Level, logEvent.Exception is { } e ? new Shown(e) : null, logEvent.MessageTemplate,
            logEvent.Properties.Where(p => p.Key != "RequestPath").Select(p => new LogEventProperty(p.Key, p.Value)),
            logEvent.TraceId ?? default, logEvent.SpanId ?? default));
    }

    /// <summary>An exception by its type, what is safe to say of it, and where it was thrown.</summary>
    internal static string Describe(Exception exception)
    {
        var text = new StringBuilder();
        for (var e = exception; e is not null; e = e.InnerException)
        {
            text.Append(text.Length == 0 ? "" : "---> ").Append(e.GetType().FullName).Append(": ").Append(Safe(e)).Append('\n');
            text.Append(e.StackTrace).Append(e.StackTrace is null ? "" : "\n");
        }

        return text.ToString();
    }

    private static string Safe(Exception exception) => exception switch
    {
        PostgresException e => $"SqlState {e.SqlState}, constraint {e.ConstraintName ?? "none"}, table {e.TableName ?? "none"}",
        DbException e => $"SqlState {e.SqlState ?? "none"}",
        SocketException e => e.SocketErrorCode.ToString(),
        _ => exception.GetType().Assembly.GetName().Name!.StartsWith("Segmentation.", StringComparison.Ordinal)
            ? exception.Message
            : "(its message may quote what was sent)",
    };

    // Sinks write an exception as its text, and some its message.
    private sealed class Shown(Exception exception) : Exception(Safe(exception))
    {
        public override string? StackTrace => exception.StackTrace;

        public override string ToString() => Describe(exception);
    }
}
